"""What a step of training computes, by the kind of model: `steps` for tokens, `contrastive` for bits."""

from dataclasses import dataclass
from typing import Any

from trainer.config import TrainingConfig
from trainer.distribution import Distribution
from trainer.models.rbm.network import RbmModel
from trainer.multi_step import Call
from trainer.objectives import contrastive_divergence, next_token
from trainer.optimizer import OPTIMIZERS, Optimizer
from trainer.recurrent_state import CarriedState
from tutti.errors import Error


@dataclass(frozen=True)
class Learning:
    """A model's optimizer, what goes from step to step beside the weights, and the calls that train and score.

    Attributes:
      carried: variables in a nested structure, to be saved with a checkpoint; None where there are none.
    """

    optimizer: Optimizer
    carried: Any
    train: Call
    score: Call


def prepare(place: Distribution, model: Any, training: TrainingConfig, total: int) -> Learning:
    """Everything that a step needs; called in the strategy's scope.

    Args:
      total: the updates of the whole run.

    Raises:
      UserError: if the model cannot be trained like this.
    """
    optimizer = OPTIMIZERS[training.optimizer](model.trainable_variables)
    if isinstance(model, RbmModel):
        if model.settings.chains % place.replicas:
            raise Error(f"--chains {model.settings.chains} cannot be shared out evenly over {place.replicas} devices")
        chains = contrastive_divergence.new_chains(model.settings)
        return Learning(
            optimizer,
            chains,
            contrastive_divergence.make_training(place, model, optimizer, training, total, chains),
            contrastive_divergence.make_scoring(place, model, training.batch_size),
        )
    # Two, because a validation comes between two steps of training.
    carried, scored = (_carried(place, model, training) for _ in range(2))
    return Learning(
        optimizer,
        carried.variables if carried else None,
        next_token.make_training(place, model, optimizer, training, total, carried),
        next_token.make_scoring(place, model, training.batch_size, scored),
    )


def _carried(place: Distribution, model: Any, training: TrainingConfig) -> CarriedState | None:
    return CarriedState(model, training.batch_size, place.replicas) if training.carry else None
