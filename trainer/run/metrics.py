"""The lines of metrics.jsonl."""

import json
import math
from dataclasses import dataclass

from trainer.gfile import read_text


@dataclass(frozen=True)
class Line:
    """What a run reports from time to time.

    Attributes:
      step, epoch: updates so far; epochs so far, with a fraction.
      train_bits: bits per token of the training loss since the line before, with dropout.
      learning_rate: of the last update.
      tokens_per_second: targets over seconds of training since the line before; 0 where only the first call of a
        process, which builds the graph, lies between.
      elapsed: seconds of training, and of the validations before, so far; restarts included.
      validation_bits: bits per token on the validation split, where this line is of a validation.
      best: whether that is the lowest so far.
    """

    step: int
    epoch: float
    train_bits: float
    learning_rate: float
    tokens_per_second: float
    elapsed: float
    validation_bits: float | None = None
    best: bool | None = None

    def to_json(self) -> str:
        """Returns the line, without its end."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        return json.dumps({name: round(v, 6) if isinstance(v, float) else v for name, v in values.items()})


def read_lines(path: str) -> list[Line]:
    """Returns the whole lines of a metrics.jsonl; none where there is no such file."""
    return [Line(**json.loads(line)) for line in (read_text(path) or "").splitlines() if step_of(line) < math.inf]


def step_of(line: str) -> float:
    """Returns the step of a line of JSON; infinity where a killed process has cut it."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
