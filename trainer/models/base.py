"""What models are to the rest of the project: functions of variables, by what they model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from trainer.models.settings import ModelSettings
from trainer.types import State, Tensor, Variable


class TrainingStep(NamedTuple):
    """Where a training call stands in its run, which alone decides, with the seed, which units it drops.

    Attributes:
      number: integer scalar, the step.
      rows: int[B], each row's number in the global batch.
    """

    number: Tensor
    rows: Tensor


class Model(Protocol):
    """What every model has. A `tf.Module`: its variables exist once it is constructed."""

    @property
    def settings(self) -> ModelSettings:
        """What it was made from."""
        ...

    @property
    def trainable_variables(self) -> Sequence[Variable]:
        """Its weights, always in the same order. Variables of Keras will do."""
        ...


class TokenModel(Model, Protocol):
    """Predicts the next token from those so far.

    A whole window and a walk through it with `step` give equal logits, to rounding, and either may continue from the
    other's state. A state is a nested structure of tensors, each with the batch as its first dimension and of a size
    that does not grow with time. Every row is computed on its own.

    Attributes:
        labels: how many it can be conditioned on; 0 for none.
    """

    labels: int

    def __call__(
        self, tokens: Tensor, state: State | None = None, training: TrainingStep | None = None
    ) -> tuple[Tensor, State]:
        """Returns logits for the token after each of `tokens`, float32[B, T, V], and the state after the last.

        Args:
            tokens: int32[B, T].
            state: from `initial_state` (what None means), from an earlier window or from `step`.
            training: of a call that trains, which drops units by (seed, step, layer, row, position) and nothing else.
        """
        ...

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Returns logits float32[B, V] for the token after `token` int32[B], and the state after it."""
        ...

    def initial_state(self, batch: int | Tensor, label: Tensor | None = None) -> State:
        """Returns the state before the first token, for `batch` rows.

        Args:
            batch: number of rows.
            label: int32[batch], what each row is conditioned on from here on, 0 for nothing in particular; None for
                zeros. A model without labels ignores it.
        """
        ...


@runtime_checkable
class PreparesSteps(Protocol):
    """A model of tokens whose `step` gets faster once something is worked out from its weights."""

    def prepare_steps(self) -> None:
        """Works it out from the weights as they are now; they must not change any more."""
        ...


class FrameWeights(Protocol):
    """Visible and hidden bits that are independent of each other, given the other kind."""

    def hidden(self, visible: Tensor) -> Tensor:
        """Returns the log-odds of each hidden bit, float32[B, H], given the visible ones, float32[B, V]."""
        ...

    def visible(self, hidden: Tensor) -> Tensor:
        """Returns the log-odds of each visible bit, float32[B, V], given the hidden ones, float32[B, H]."""
        ...

    def free_energy(self, visible: Tensor) -> Tensor:
        """Returns float32[B]: low for windows that the model finds likely."""
        ...

    def conditionals(self, visible: Tensor) -> Tensor:
        """Returns float32[B, V]: log P(bit | all other visible bits)."""
        ...


class FrameModel(Model, Protocol):
    """Models all bits of a window at once, with the help of hidden ones.

    Attributes:
        seed: fixes what is drawn in training.
    """

    seed: int

    def weights(self) -> FrameWeights:
        """Returns its numbers as they are now."""
        ...
