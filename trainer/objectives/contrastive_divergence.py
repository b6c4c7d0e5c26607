"""The computation of training a Boltzmann machine: (persistent) contrastive divergence, in calls like those of `steps`.

The gradient is that of the free energy of the data, less that of bits which the machine has drawn itself: by some Gibbs
steps from the data, or in chains that go on from one gradient to the next. It takes hidden units' probabilities where
Gibbs sampling takes their bits, which has the same mean and less noise.

What a call sums up is the reconstruction error: how many nats the visible bits cost once they have been through the
hidden ones, drawn once. A row without a bit, which is how the last batch of an epoch is filled up, counts for nothing.
"""

from typing import Any

import tensorflow as tf

from trainer import rng
from trainer.config import TrainingConfig
from trainer.distribution import Distribution
from trainer.models.rbm.network import Weights
from trainer.models.rbm.settings import Rbm
from trainer.multi_step import Call, scoring_call, training_call
from trainer.optimizer import Optimizer
from trainer.schedule import learning_rate

# Where in a step's draws the data's hidden bits come; the chains' take the numbers behind it.
DATA = 0


def new_chains(settings: Rbm) -> Any:
    """The persistent chains as a variable, made in the strategy's scope; None where every chain begins at the data.

    float32[chains, hidden]: the hidden bits, all chains of all replicas. They begin with none set.
    """
    if not settings.chains:
        return None
    return tf.Variable(tf.zeros([settings.chains, settings.hidden]), trainable=False, name="chains")


def reconstruct(weights: Weights, visible: Any, key: tuple[int, Any, int], rows: Any) -> tuple[Any, Any]:
    """Draws the hidden bits, float32[B, H], and says with what log-odds the visible ones come back, float32[B, V]."""
    hidden = rng.bernoulli(tf.sigmoid(weights.hidden(visible)), key, rows)
    return hidden, weights.visible(hidden)


def make_training(
    place: Distribution, model: Any, optimizer: Optimizer, training: TrainingConfig, steps: int, chains: Any = None
) -> Call:
    """The call that updates the machine on some global batches; see `trainer.objectives.next_token.make_training`.

    A bit that is drawn depends on the seed, the step, its place and its row's number in the global batch; what a row
    weighs, on how many the global batch has. So the result is that of one device, to rounding, on any number of them.

    Args:
      chains: what `new_chains` made; every step takes them on and leaves them for the next.
    """
    variables, settings, seed = optimizer.variables, model.settings, model.seed
    replicas = place.replicas
    if settings.chains % replicas:
        raise ValueError(f"{settings.chains} chains cannot be shared out evenly over {replicas} devices")

    def dreamt(weights: Weights, hidden: Any, rows: Any) -> tuple[Any, Any]:
        """Visible and hidden bits after the gradient's Gibbs steps from `hidden`."""
        visible = tf.constant(0.0)
        for k in range(settings.gibbs_steps):
            odds = weights.visible(hidden)
            visible = rng.bernoulli(tf.sigmoid(odds), (seed, optimizer.step, DATA + 1 + 2 * k), rows)
            odds = weights.hidden(visible)
            hidden = rng.bernoulli(tf.sigmoid(odds), (seed, optimizer.step, DATA + 2 + 2 * k), rows)
        return visible, hidden

    def step(batches: Any, k: Any, votes: Any) -> tuple[Any, ...]:
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        visible, real, rows = _rows(batches[k], replica)
        own = tf.constant(0)
        with tf.GradientTape(persistent=True) as tape:
            # Read once. The update waits for values that it is computed from; for another read of a variable it does
            # not, where TensorFlow's optimizer of graphs has found them in order by a path that it folds away later.
            weights = model.weights()
            hidden, odds = reconstruct(weights, visible, (seed, optimizer.step, DATA), rows)
            nats, bits = _error(visible, odds, real)
            if chains is None:
                dream, _ = dreamt(weights, hidden, rows)
                weight = real
            else:
                share = settings.chains // replicas
                first = replica * share
                dream, own = dreamt(weights, chains[first : first + share], first + tf.range(share))
                weight = tf.ones([share])
                # Each replica's chains in their place among all, so that the sum over replicas puts them together.
                own = tf.pad(own, [[first, settings.chains - first - share], [0, 0]])
                own = tf.ensure_shape(own, chains.shape)
            seen = tf.reduce_sum(weights.free_energy(visible) * real)
            made = tf.reduce_sum(weights.free_energy(dream) * weight)
        gradients = [tf.convert_to_tensor(g) for part in (seen, made) for g in tape.gradient(part, variables)]
        del tape
        sums = [*gradients, tf.reduce_sum(real), tf.reduce_sum(weight), nats, bits, tf.identity(votes)]
        if chains is not None:
            sums.append(own)
        sums = context.all_reduce("SUM", sums)
        ups, downs = sums[: len(variables)], sums[len(variables) : 2 * len(variables)]
        seen_rows, made_rows, nats, bits, votes, *together = sums[2 * len(variables) :]
        gradients = [
            up / tf.maximum(seen_rows, 1.0) - down / tf.maximum(made_rows, 1.0)
            for up, down in zip(ups, downs, strict=True)
        ]
        if training.clip:
            gradients, _ = tf.clip_by_global_norm(gradients, training.clip)
        rate = learning_rate(
            optimizer.step, peak=training.learning_rate, warmup=training.warmup, decay=training.decay, steps=steps
        )
        if together:
            context.merge_call(_assign, args=(chains, together[0]))
        optimizer.apply(gradients, rate)
        return nats, bits, votes

    return training_call(place, step, training.batch_size)


def make_scoring(place: Distribution, model: Any, batch_size: int) -> Call:
    """The call that sums up the reconstruction error over some global batches, the same draws each time."""

    def step(batches: Any, k: Any) -> Any:
        context = tf.distribute.get_replica_context()
        visible, real, rows = _rows(batches[k], context.replica_id_in_sync_group)
        _, odds = reconstruct(model.weights(), visible, (model.seed, 0, DATA), rows)
        return context.all_reduce("SUM", tf.stack(_error(visible, odds, real)))

    return scoring_call(place, step, batch_size)


def _rows(batch: Any, replica: Any) -> tuple[Any, Any, Any]:
    """int32[B, 1 + V], a label and bits -> the bits, float32[B, V]; which rows count, float32[B]; their numbers."""
    visible = tf.cast(batch[:, 1:], tf.float32)
    share = tf.shape(batch)[0]
    return visible, tf.reduce_max(visible, axis=1), replica * share + tf.range(share)


def _error(visible: Any, odds: Any, real: Any) -> tuple[Any, Any]:
    """The nats that the bits of rows which count cost, and their number."""
    nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=visible, logits=odds)
    width = tf.cast(tf.shape(visible)[1], tf.float32)
    return tf.reduce_sum(tf.reduce_sum(nats, axis=1) * real), tf.reduce_sum(real) * width


def _assign(strategy: Any, variable: Any, value: Any) -> None:
    strategy.extended.update(variable, lambda one, new: one.assign(new), args=(value,), group=False)
