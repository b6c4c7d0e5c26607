"""What training a kind of model minimises, and how well a trained one does."""

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from trainer.config import TrainingConfig
from trainer.data.reader import Corpus
from trainer.distribution import Distribution
from trainer.evaluation.report import Evaluation, EvaluationConfig
from trainer.models.settings import ModelSettings
from trainer.multi_step import MultiStep, ScoreMultiStep
from trainer.optimizer import Optimizer
from trainer.run.directory import Run
from trainer.types import Variable


@dataclass(frozen=True)
class TrainingComputation:
    """What trains a model and scores it.

    Attributes:
      optimizer: what updates the model's variables.
      persistent: variables beside the weights that go from step to step, to be saved with a checkpoint.
      train: takes some steps.
      score: adds up the loss of some batches, nothing dropped.
    """

    optimizer: Optimizer
    persistent: Sequence[Variable]
    train: MultiStep
    score: ScoreMultiStep


class Objective(Protocol):
    """What training a kind of model minimises. `ModelSettings.objective` names the class; it takes no arguments.

    Attributes:
      content: what the windows of its datasets hold, "tokens" or "frames": `tutti.dataset.schema.Schema.unit`.
      unit: what the loss is counted by, "token" or "bit".
      measure: what a validation measures, as reports call it.
      carries: whether a recurrent state may go on from window to window (`TrainingConfig.carry`).
    """

    content: ClassVar[str]
    unit: ClassVar[str]
    measure: ClassVar[str]
    carries: ClassVar[bool]

    # The model is whatever class its settings name; an objective takes those that have what it needs.
    def prepare(
        self, distribution: Distribution, model: Any, training: TrainingConfig, total_steps: int
    ) -> TrainingComputation:
        """Returns what trains the model; called in the strategy's scope.

        Args:
          total_steps: the updates of the whole run.

        Raises:
          Error: if the model cannot be trained like this.
        """
        ...

    def evaluate(self, run: Run, corpus: Corpus, config: EvaluationConfig) -> Evaluation:
        """Returns how well the model of a run does on a split of a corpus in its own vocabulary.

        Raises:
          Error: if the corpus has other windows than the model needs, or none in this split.
        """
        ...


def objective_of(settings: ModelSettings) -> Objective:
    """Returns the objective that a model's settings name."""
    objective: Objective = pkgutil.resolve_name(settings.objective)()
    return objective
