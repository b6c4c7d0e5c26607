"""How long the new part of a piece is: in tokens, and in bars where tokens say how long they last."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from serving.exported_model import ExportedModel
from serving.generation.config import GenerationConfig
from serving.options import OptionError
from tutti.encodings import durations
from tutti.encodings.base import TokenEncoding
from tutti.encodings.durations import Durations

STEPS = 500
# So many times as many tokens as the shortest would be may be written for some bars: some, as BAR, last nothing.
LASTING_NOTHING = 4


@dataclass(frozen=True)
class Length:
    """How long the new part of a piece is.

    Attributes:
      steps: new tokens, at most.
      min_steps: new tokens before the model may end the piece.
      quarters: how long the new tokens last together; None where nothing is said of that.
    """

    steps: int
    min_steps: int = 0
    quarters: Fraction | None = None

    @property
    def reached(self) -> bool:
        """Whether there is nothing more to write."""
        return self.steps < 1 or (self.quarters is not None and self.quarters <= 0)

    def first(self, steps: int) -> "Length":
        """Returns a first part of it, of some tokens at most."""
        steps = min(steps, self.steps)
        return Length(steps, min(steps, self.min_steps), self.quarters)

    def left(self, steps: int, quarters: Fraction = Fraction(0)) -> "Length":
        """Returns what is left of it behind some tokens, which last some quarters together."""
        rest = None if self.quarters is None else self.quarters - quarters
        return Length(self.steps - steps, max(self.min_steps - steps, 0), rest)

    def cut(self, encoding: TokenEncoding, prompt: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
        """Returns prompt and new tokens, these as long as they shall be at most: a last note is cut at the bar line."""
        tokens = (*prompt, *new)
        if self.quarters is None:
            return tokens
        return tuple(durations.cut(encoding, tokens, durations.length(encoding, prompt) + self.quarters))


def default_steps(model: ExportedModel, config: GenerationConfig) -> int:
    """Returns how many new tokens there are at most where a user does not say; with bars, more than enough.

    Raises:
      OptionError: if what is said of the length is out of bounds or cannot be had of this model.
    """
    steps, least = config.steps, config.min_steps or 0
    if steps is not None and steps < 1:
        raise OptionError("{steps} is {value}; it must be at least 1", value=steps)
    if steps is not None and least > steps:
        raise OptionError("{min_steps} is {least}, more than the {value} of {steps}", least=least, value=steps)
    bounded = [name for name in ("min_steps", "no_end", "bars") if getattr(config, name)]
    table = Durations.of(model.encoding, model.vocabulary) if config.bars is not None else None
    if config.bars is not None and table is None:
        raise OptionError(
            "{bars} does not apply: a token of the encoding {encoding} does not say by itself how much of a bar it "
            "lasts; say with {steps} how many tokens there shall be",
            encoding=model.encoding.name,
        )
    if bounded and not model.inputs("generate_bounded"):
        raise OptionError(
            f"{{{bounded[0]}}} needs more than {{path}} offers, which an earlier version of Tutti exported; export the "
            "run again",
            path=model.path,
        )
    if config.bars is None or table is None:
        return max(STEPS, least)
    shortest = min(filter(None, table.units), default=1)
    enough = LASTING_NOTHING * (config.bars + 1) * table.bar // shortest
    return max(least, min(enough, int(model.description["limits"]["steps"])))


def wanted(config: GenerationConfig, steps: int, encoding: TokenEncoding, prompt: Sequence[str]) -> Length:
    """Returns the length that `config` asks for behind a prompt, of at most `steps` tokens.

    Bars are counted from the next bar line on, so that a bar in which the prompt ends is filled up first. They are all
    written, unless it is said, too, from which token on the model may end the piece.
    """
    unended = config.no_end or (config.bars is not None and config.min_steps is None)
    quarters = None
    if config.bars is not None:
        quarters = durations.to_bar_line(durations.length(encoding, prompt), config.bars)
    return Length(steps, steps if unended else config.min_steps or 0, quarters)
