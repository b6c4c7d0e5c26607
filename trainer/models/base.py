"""What every token model is to the rest of the project: a function of a window, or of one token and a state."""

from __future__ import annotations

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


def check_noise(model: str, rows: Tensor | None, step: Tensor | None) -> None:
    """Raises ValueError where a training call lacks what its dropped units depend on."""
    if rows is None or step is None:
        raise ValueError(f"{model}: a training call with dropout needs rows and step, got rows={rows}, step={step}")
