"""The computation of training a model of tokens: a step of it, and a step of scoring."""

from typing import Any

import tensorflow as tf

from trainer import rng
from trainer.config import TrainingConfig
from trainer.distribution import Distribution, summed
from trainer.multi_step import Call, scoring_call, training_call
from trainer.optimizer import Optimizer
from trainer.recurrent_state import CarriedState
from trainer.schedule import learning_rate
from tutti.encodings.vocabulary import PAD


def negative_log_likelihood(logits: Any, targets: Any) -> tuple[Any, Any]:
    """The sum over real targets of -log p(target) in nats, and their number. PAD is no target.

    Args:
      logits: float32[B, T, V].
      targets: int32[B, T].
    """
    real = tf.cast(targets != PAD, tf.float32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(nats * real), tf.reduce_sum(real)


def make_training(
    place: Distribution,
    model: Any,
    optimizer: Optimizer,
    training: TrainingConfig,
    steps: int,
    carried: CarriedState | None = None,
) -> Call:
    """The call that updates the model on some global batches.

    The loss of a step is the mean over the real targets of the *global* batch. So replicas add up, in one exchange, the
    gradients of their own sums, these sums and their targets, and divide afterwards; what a target weighs does not
    depend on which replica it fell to.

    Args:
      steps: the updates of the whole run, for the learning rate's decay.
      carried: the state that each row goes on from; without it, every window starts from the initial state. What it
        holds are numbers of the step before, through which no gradient flows.
    """
    variables = optimizer.variables

    def step(batches: Any, k: Any, votes: Any) -> tuple[Any, ...]:
        context = tf.distribute.get_replica_context()
        label, tokens = batches[k][:, 0], batches[k][:, 1:]
        share = tf.shape(tokens)[0]
        # A row's number in the global batch decides which units are dropped, not the replica that computes it.
        rows = context.replica_id_in_sync_group * share + tf.range(share)
        if model.labels and training.label_dropout:
            label = tf.where(_labelled(training, optimizer.step, rows), label, 0)
        state = model.initial_state(share, label)
        if carried:
            state = carried.before(state, tokens[:, 0])
        with tf.GradientTape() as tape:
            logits, state = model(tokens[:, :-1], state, training=True, rows=rows, step=optimizer.step)
            nats, targets = negative_log_likelihood(logits, tokens[:, 1:])
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(nats, variables)]
        # The identity brings the votes into the loop's graph; an exchange takes tensors of one graph alone.
        own = [*gradients, nats, targets, tf.identity(votes)]
        total = summed([*own, *(carried.shared(state) if carried else ())])
        *gradients, nats, targets, votes = total[: len(own)]
        if carried:
            carried.put(total[len(own) :])
        gradients = [g / tf.maximum(targets, 1.0) for g in gradients]
        if training.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, training.clip)
        rate = learning_rate(
            optimizer.step, peak=training.learning_rate, warmup=training.warmup, decay=training.decay, steps=steps
        )
        optimizer.apply(gradients, rate)
        return nats, targets, votes

    return training_call(place, step, training.batch_size)


def _labelled(training: TrainingConfig, step: Any, rows: Any) -> Any:
    """bool[B]: which rows of a step keep their label; the others are trained as if they had none."""
    key = (training.seed, step, rng.LABEL)
    return rng.keep_mask(training.label_dropout, key, rows, tf.zeros([1], tf.int32), 4)[0, :, 0]


def make_scoring(place: Distribution, model: Any, batch_size: int, carried: CarriedState | None = None) -> Call:
    """The call that sums up the loss over some global batches, nothing dropped.

    Args:
      carried: the state that each row goes on from; without it, every window starts from the initial state.
    """

    def step(batches: Any, k: Any) -> Any:
        label, tokens = batches[k][:, 0], batches[k][:, 1:]
        state = model.initial_state(tf.shape(tokens)[0], label)
        if carried:
            state = carried.before(state, tokens[:, 0])
        logits, state = model(tokens[:, :-1], state)
        if carried:
            carried.put(summed(carried.shared(state)))
        nats, targets = negative_log_likelihood(logits, tokens[:, 1:])
        return summed([tf.stack([nats, targets])])[0]

    return scoring_call(place, step, batch_size)
