"""What every token model is to the rest of the project: a function of a window, or of one token and a state."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

Tensor = Any
State = Any


class Model(Protocol):
    """Predicts the next token from those so far. A `tf.Module`: variables exist once it is constructed.

    A whole window and a walk through it with `step` give equal logits, to rounding, and either may continue from the
    other's state. A state is a nested structure of tensors, each with the batch as its first dimension and of a size
    that does not grow with time. Every row is computed on its own.
    """

    trainable_variables: Any
    labels: int  # how many it can be conditioned on; 0 for none

    def __call__(
        self,
        tokens: Tensor,
        state: State | None = None,
        training: bool = False,
        rows: Tensor | None = None,
        step: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Logits for the token after each of `tokens`, and the state after the last.

        Args:
            tokens: int32[B, T].
            state: from `initial_state` (what None means), from an earlier window or from `step`.
            training: drop units, by (seed, `step`, layer, row, position) and nothing else.
            rows: int[B], each row's number in the global batch; needed where units are dropped.
            step: integer scalar, the training step; needed where units are dropped.

        Returns:
            float32[B, T, V] and the state.

        Raises:
            ValueError: units are to be dropped, but `rows` or `step` is missing.
        """

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits float32[B, V] for the token after `token` int32[B], and the state after it."""

    def initial_state(self, batch: int | Tensor, label: Tensor | None = None) -> State:
        """The state before the first token, for `batch` rows.

        Args:
            batch: number of rows.
            label: int32[batch], what each row is conditioned on from here on, 0 for nothing in particular; None for
                zeros. A model without labels ignores it.
        """


def kinds() -> dict[str, tuple[type[Any], type[Any]]]:
    """The models by name: the dataclass of their settings, and what is built from it."""
    from trainer import lstm, rbm, wavenet

    return {
        "lstm": (lstm.Lstm, lstm.LstmModel),
        "wavenet": (wavenet.WaveNet, wavenet.WaveNetModel),
        "rbm": (rbm.Rbm, rbm.RbmModel),
    }


def build(settings: Any, size: int, seed: int = 0, labels: int = 0) -> Any:
    """The model that `settings` describes, freshly initialised.

    Args:
        settings: those of one of `kinds`, or the JSON object of one (`to_json`).
        size: number of tokens, special ones included; for a Boltzmann machine, of bits in a window.
        seed: fixes the initial weights and the dropped units.
        labels: number of labels that it can be conditioned on.

    Raises:
        ValueError: no such model, or settings that it cannot have.
    """
    if isinstance(settings, Mapping):
        settings = from_json(settings)
    for kind, model in kinds().values():
        if isinstance(settings, kind):
            return model(settings, size, seed, labels)
    raise ValueError(
        f"settings: expected {' or '.join(kind.__name__ for kind, _ in kinds().values())}, got {settings!r}"
    )


def to_json(settings: Any) -> dict[str, Any]:
    """`settings` as a JSON object with the model's name, {"name": "lstm", "units": 512, ...}."""
    return {"name": type(settings).__name__.lower(), **dataclasses.asdict(settings)}


def from_json(data: Mapping[str, Any]) -> Any:
    """Settings from what `to_json` wrote; fields left out take their defaults.

    Raises:
        ValueError: unknown model, unknown field, or a value that the model cannot have.
    """
    name = data.get("name")
    if name not in kinds():
        raise ValueError(f"model: unknown name {name!r}; expected one of {', '.join(kinds())}")
    kind, _ = kinds()[name]
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(data) - known - {"name"})
    if unknown:
        raise ValueError(f"model {name}: unknown setting {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "name"}
    return kind(**values)


def check_sizes(model: str, **sizes: int) -> None:
    """Every size is a positive multiple of 16, so that vectorised kernels treat every unit of a row alike.

    Raises:
        ValueError: names the setting, its value and what was expected.
    """
    for name, value in sizes.items():
        if value <= 0 or value % 16:
            raise ValueError(f"{model}: {name} must be a positive multiple of 16, got {value}")


def check_dropout(model: str, rate: float, name: str = "dropout") -> None:
    """Raises ValueError unless `rate` is in [0, 1)."""
    if not 0 <= rate < 1:
        raise ValueError(f"{model}: {name} must be at least 0 and below 1, got {rate}")


def check_noise(model: str, rows: Tensor | None, step: Tensor | None) -> None:
    """Raises ValueError where a training call lacks what its dropped units depend on."""
    if rows is None or step is None:
        raise ValueError(f"{model}: a training call with dropout needs rows and step, got rows={rows}, step={step}")
