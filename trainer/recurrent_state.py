"""The model's state between one step and the next, for every row of the global batch."""

import tensorflow as tf

from trainer.models.base import TokenModel
from trainer.types import State, Tensor
from tutti.encodings.vocabulary import BOS, PAD


class CarriedState:
    """Holds the state that each row's next window starts from; made in the strategy's scope.

    It is held for the global batch and equal on all replicas, so that it does not matter to which of them a row falls,
    nor how many there are when a run goes on. A row starts anew where its window begins with BOS, or is empty.

    Attributes:
      variables: one for each tensor of a state, batch first; to be saved with a checkpoint.
    """

    def __init__(self, model: TokenModel, batch_size: int, replicas: int) -> None:
        self.batch_size, self.share, self.replicas = batch_size, batch_size // replicas, replicas
        # A GPU holds no variables of 32-bit integers.
        self.variables = [
            tf.Variable(tf.cast(part, tf.int64) if part.dtype.is_integer else part, trainable=False, name=f"carried{i}")
            for i, part in enumerate(tf.nest.flatten(model.initial_state(batch_size)))
        ]

    def before(self, fresh: State, first_token: Tensor) -> State:
        """Returns the state that this replica's rows start from.

        Args:
          fresh: the state for rows that start anew.
          first_token: int32[rows], the first of each window.
        """
        anew = (first_token == BOS) | (first_token == PAD)
        first = self._first()

        def own(held: Tensor, new: Tensor) -> Tensor:
            rows = tf.cast(held[first : first + self.share], new.dtype)
            return tf.where(tf.reshape(anew, [-1] + [1] * (len(new.shape) - 1)), new, rows)

        parts = [own(held, new) for held, new in zip(self.variables, tf.nest.flatten(fresh), strict=True)]
        return tf.nest.pack_sequence_as(fresh, parts)

    def shared(self, state: State) -> list[Tensor]:
        """Returns this replica's rows after a step among zeros for the others' rows: all add up to the new state."""
        parts = [tf.cast(new, held.dtype) for held, new in zip(self.variables, tf.nest.flatten(state), strict=True)]
        if self.replicas == 1:
            return parts
        first = self._first()
        around = [first, self.batch_size - self.share - first]
        padded = [tf.pad(part, [around] + [[0, 0]] * (len(part.shape) - 1)) for part in parts]
        return [tf.ensure_shape(part, held.shape) for held, part in zip(self.variables, padded, strict=True)]

    def put(self, parts: list[Tensor]) -> None:
        """Takes up the sum of what all replicas `shared`; called in replica context."""

        def assign(strategy: tf.distribute.Strategy, parts: list[Tensor]) -> None:
            for held, part in zip(self.variables, parts, strict=True):
                strategy.extended.update(held, lambda held, part: held.assign(part), args=(part,), group=False)

        tf.distribute.get_replica_context().merge_call(assign, args=(parts,))

    def _first(self) -> Tensor:
        """Returns the number of this replica's first row in the global batch."""
        return tf.distribute.get_replica_context().replica_id_in_sync_group * self.share
