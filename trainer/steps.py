"""The computation of training: several steps of `strategy.run` in one call of a graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from music.vocabulary import PAD
from trainer.distribution import Place
from trainer.optimizer import Optimizer
from trainer.presets import Training
from trainer.schedule import learning_rate


@dataclass(frozen=True)
class Sums:
    """What some steps added up over all replicas: loss in nats, real targets, and votes for ending the run."""

    nats: float
    targets: float
    votes: tuple[float, ...] = ()


# (this worker's rows int32[steps, rows, window + 1], how many of the steps to take, this worker's votes) -> sums
Call = Callable[..., Sums]
VOTES = 2  # time is up; told to stop


def negative_log_likelihood(logits: Any, targets: Any) -> tuple[Any, Any]:
    """The sum over real targets of -log p(target) in nats, and their number. PAD is no target.

    Args:
      logits: float32[B, T, V].
      targets: int32[B, T].
    """
    real = tf.cast(targets != PAD, tf.float32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(nats * real), tf.reduce_sum(real)


def make_training(place: Place, model: Any, optimizer: Optimizer, training: Training, steps: int) -> Call:
    """The call that updates the model on some global batches.

    The loss of a step is the mean over the real targets of the *global* batch. So replicas add up, in one exchange, the
    gradients of their own sums, these sums and their targets, and divide afterwards; what a target weighs does not
    depend on which replica it fell to.

    Args:
      steps: the updates of the whole run, for the learning rate's decay.
    """
    variables = optimizer.variables

    def step(batches: Any, k: Any, votes: Any) -> tuple[Any, ...]:
        context = tf.distribute.get_replica_context()
        tokens = batches[k]
        share = tf.shape(tokens)[0]
        # A row's number in the global batch decides which units are dropped, not the replica that computes it.
        rows = context.replica_id_in_sync_group * share + tf.range(share)
        with tf.GradientTape() as tape:
            logits, _ = model(tokens[:, :-1], training=True, rows=rows, step=optimizer.step)
            nats, targets = negative_log_likelihood(logits, tokens[:, 1:])
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(nats, variables)]
        # The identity brings the votes into the loop's graph; an exchange takes tensors of one graph alone.
        sums = context.all_reduce("SUM", [*gradients, nats, targets, tf.identity(votes)])
        *gradients, nats, targets, votes = sums
        gradients = [g / tf.maximum(targets, 1.0) for g in gradients]
        if training.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, training.clip)
        rate = learning_rate(
            optimizer.step, peak=training.learning_rate, warmup=training.warmup, decay=training.decay, steps=steps
        )
        optimizer.apply(gradients, rate)
        return nats, targets, votes

    @tf.function
    def call(batches: Any, count: Any, votes: Any) -> tuple[Any, ...]:
        nats, targets, agreed = tf.constant(0.0), tf.constant(0.0), tf.zeros([VOTES])
        for k in tf.range(count):
            results = place.strategy.run(step, args=(batches, k, votes))
            more, real, agreed = (place.strategy.experimental_local_results(result)[0] for result in results)
            nats, targets = nats + more, targets + real
        return nats, targets, agreed

    def train(rows: Any, count: int, votes: tuple[bool, ...]) -> Sums:
        batches = place.values(rows, training.batch_size)
        own = tf.constant([float(vote) for vote in votes])
        nats, targets, agreed = call(batches, tf.constant(count), own)
        return Sums(float(nats), float(targets), tuple(agreed.numpy().tolist()))

    return train


def make_scoring(place: Place, model: Any, batch_size: int) -> Call:
    """The call that sums up the loss over some global batches, every window from the initial state, nothing dropped."""

    def step(batches: Any, k: Any) -> Any:
        tokens = batches[k]
        logits, _ = model(tokens[:, :-1])
        nats, targets = negative_log_likelihood(logits, tokens[:, 1:])
        return tf.distribute.get_replica_context().all_reduce("SUM", tf.stack([nats, targets]))

    @tf.function
    def call(batches: Any, count: Any) -> Any:
        sums = tf.zeros([2])
        for k in tf.range(count):
            sums += place.strategy.experimental_local_results(place.strategy.run(step, args=(batches, k)))[0]
        return sums

    def score(rows: Any, count: int) -> Sums:
        nats, targets = call(place.values(rows, batch_size), tf.constant(count)).numpy()
        return Sums(float(nats), float(targets))

    return score
