"""Next-token prediction: the mean negative log-likelihood of every token given those before it."""

import tensorflow as tf

from trainer import rng
from trainer.config import TrainingConfig
from trainer.data.reader import Corpus
from trainer.distribution import Distribution, summed
from trainer.evaluation import likelihood
from trainer.evaluation.report import Evaluation, EvaluationConfig
from trainer.models.base import TokenModel, TrainingStep
from trainer.multi_step import MultiStep, ScoreMultiStep, score_multi_step, train_multi_step
from trainer.objectives.base import TrainingComputation
from trainer.optimizer import Optimizer, make_optimizer, update
from trainer.recurrent_state import CarriedState
from trainer.run.directory import Run
from trainer.types import Batch, Tensor
from tutti.encodings.vocabulary import PAD


class NextToken:
    """Trains a `TokenModel` to predict each token of a window; see `trainer.objectives.base.Objective`."""

    content = "tokens"
    unit = "token"
    measure = "bits per token"
    carries = True

    def prepare(
        self, distribution: Distribution, model: TokenModel, training: TrainingConfig, total_steps: int
    ) -> TrainingComputation:
        """See `trainer.objectives.base.Objective`."""
        optimizer = make_optimizer(training, model.trainable_variables)
        # Two, because a validation comes between two steps of training.
        carried, scored = (
            CarriedState(model, training.batch_size, distribution.replicas) if training.carry else None
            for _ in range(2)
        )
        return TrainingComputation(
            optimizer,
            carried.variables if carried else (),
            make_training(distribution, model, optimizer, training, total_steps, carried),
            make_scoring(distribution, model, training.batch_size, scored),
        )

    def evaluate(self, run: Run, corpus: Corpus, config: EvaluationConfig) -> Evaluation:
        """See `trainer.objectives.base.Objective`."""
        return likelihood.evaluate(run, corpus, config)


def negative_log_likelihood(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the sum over real targets of -log p(target) in nats, and their number. PAD is no target.

    Args:
      logits: float32[B, T, V].
      targets: int32[B, T].
    """
    real = tf.cast(targets != PAD, tf.float32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(nats * real), tf.reduce_sum(real)


def make_training(
    distribution: Distribution,
    model: TokenModel,
    optimizer: Optimizer,
    training: TrainingConfig,
    total_steps: int,
    carried: CarriedState | None = None,
) -> MultiStep:
    """Returns the multi-step that updates the model on some global batches.

    The loss of a step is the mean over the real targets of the *global* batch. So replicas add up, in one exchange, the
    gradients of their own sums, these sums and their targets, and divide afterwards; what a target weighs does not
    depend on which replica it fell to.

    Args:
      total_steps: the updates of the whole run, for the learning rate's decay.
      carried: the state that each row goes on from; without it, every window starts from the initial state. What it
        holds are numbers of the step before, through which no gradient flows.
    """
    variables = optimizer.variables

    def step(batch: Batch, votes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        context = tf.distribute.get_replica_context()
        label, tokens = batch["label"], batch["tokens"]
        share = tf.shape(tokens)[0]
        # A row's number in the global batch decides which units are dropped, not the replica that computes it.
        rows = context.replica_id_in_sync_group * share + tf.range(share)
        if model.labels and training.label_dropout:
            label = tf.where(_labelled(training, optimizer.step, rows), label, 0)
        state = model.initial_state(share, label)
        if carried:
            state = carried.before(state, tokens[:, 0])
        with tf.GradientTape() as tape:
            logits, state = model(tokens[:, :-1], state, TrainingStep(optimizer.step, rows))
            loss_sum, token_count = negative_log_likelihood(logits, tokens[:, 1:])
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss_sum, variables)]
        # The identity brings the votes into the loop's graph; an exchange takes tensors of one graph alone.
        own = [*gradients, loss_sum, token_count, tf.identity(votes)]
        total = summed([*own, *(carried.shared(state) if carried else ())])
        *gradients, loss_sum, token_count, votes = total[: len(own)]
        if carried:
            carried.put(total[len(own) :])
        update(optimizer, [gradient / tf.maximum(token_count, 1.0) for gradient in gradients], training, total_steps)
        return loss_sum, token_count, votes

    return train_multi_step(distribution, step, training.batch_size)


def _labelled(training: TrainingConfig, step: Tensor, rows: Tensor) -> Tensor:
    """Returns bool[B]: which rows of a step keep their label; the others are trained as if they had none."""
    key = (training.seed, step, rng.LABEL)
    return rng.keep_mask(training.label_dropout, key, rows, tf.zeros([1], tf.int32), 4)[0, :, 0]


def make_scoring(
    distribution: Distribution, model: TokenModel, batch_size: int, carried: CarriedState | None = None
) -> ScoreMultiStep:
    """Returns the multi-step that adds up the loss over some global batches, nothing dropped.

    Args:
      carried: the state that each row goes on from; without it, every window starts from the initial state.
    """

    def step(batch: Batch) -> Tensor:
        tokens = batch["tokens"]
        state = model.initial_state(tf.shape(tokens)[0], batch["label"])
        if carried:
            state = carried.before(state, tokens[:, 0])
        logits, state = model(tokens[:, :-1], state)
        if carried:
            carried.put(summed(carried.shared(state)))
        return summed([tf.stack(negative_log_likelihood(logits, tokens[:, 1:]))])[0]

    return score_multi_step(distribution, step, batch_size)
