"""(Persistent) contrastive divergence: the objective of a Boltzmann machine.

The gradient is that of the free energy of the data, less that of negative samples, which the machine has drawn itself:
by some Gibbs steps from the data, or in chains that go on from one gradient to the next. It takes hidden units'
probabilities where Gibbs sampling takes their bits, which has the same mean and less noise.

What a step adds up is the reconstruction error: how many nats the visible bits cost once they have been through the
hidden ones, drawn once. A row without a bit, which is how the last batch of an epoch is filled up, counts for nothing.

Sources: G. Hinton, "Training products of experts by minimizing contrastive divergence", Neural Computation 14, 2002;
T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood gradient", ICML 2008.
"""

import tensorflow as tf

from trainer import rng
from trainer.config import TrainingConfig
from trainer.data.reader import Corpus
from trainer.distribution import Distribution
from trainer.evaluation import reconstruction
from trainer.evaluation.report import Evaluation, EvaluationConfig
from trainer.models.base import FrameModel, FrameWeights
from trainer.models.rbm.network import DATA_DRAW, RbmModel, reconstruct
from trainer.models.rbm.settings import Rbm
from trainer.multi_step import MultiStep, ScoreMultiStep, score_multi_step, train_multi_step
from trainer.objectives.base import TrainingComputation
from trainer.optimizer import Optimizer, make_optimizer, update
from trainer.run.directory import Run
from trainer.types import Batch, Tensor, Variable
from tutti.errors import Error


class ContrastiveDivergence:
    """Trains a Boltzmann machine on windows of bits; see `trainer.objectives.base.Objective`."""

    content = "frames"
    unit = "bit"
    measure = "bits to restore each bit of a window"
    carries = False

    def prepare(
        self, distribution: Distribution, model: RbmModel, training: TrainingConfig, total_steps: int
    ) -> TrainingComputation:
        """See `trainer.objectives.base.Objective`."""
        optimizer = make_optimizer(training, model.trainable_variables)
        chains = new_chains(model.settings)
        return TrainingComputation(
            optimizer,
            () if chains is None else (chains,),
            make_training(distribution, model, optimizer, training, total_steps, chains),
            make_scoring(distribution, model, training.batch_size),
        )

    def evaluate(self, run: Run, corpus: Corpus, config: EvaluationConfig) -> Evaluation:
        """See `trainer.objectives.base.Objective`."""
        return reconstruction.evaluate(run, corpus, config)


def new_chains(settings: Rbm) -> Variable | None:
    """Returns the persistent chains, made in the strategy's scope; None where every chain begins at the data.

    float32[chains, hidden]: the hidden bits, all chains of all replicas. They begin with none set.
    """
    if not settings.chains:
        return None
    return tf.Variable(tf.zeros([settings.chains, settings.hidden]), trainable=False, name="chains")


def make_training(
    distribution: Distribution,
    model: RbmModel,
    optimizer: Optimizer,
    training: TrainingConfig,
    total_steps: int,
    chains: Variable | None = None,
) -> MultiStep:
    """Returns the multi-step that updates the machine on some global batches.

    A bit that is drawn depends on the seed, the step, its place and its row's number in the global batch; what a row
    weighs, on how many the global batch has. So the result is that of one device, to rounding, on any number of them.

    Args:
      total_steps: the updates of the whole run, for the learning rate's decay.
      chains: what `new_chains` made; every step takes them on and leaves them for the next.

    Raises:
      Error: if the chains cannot be shared out evenly over the devices.
    """
    variables, settings, seed = optimizer.variables, model.settings, model.seed
    replicas = distribution.replicas
    if settings.chains % replicas:
        raise Error(f"--chains {settings.chains} cannot be shared out evenly over {replicas} devices")

    def negative_samples(weights: FrameWeights, hidden: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns visible and hidden bits after the gradient's Gibbs steps from `hidden`."""
        visible = tf.constant(0.0)
        for k in range(settings.gibbs_steps):
            odds = weights.visible(hidden)
            visible = rng.bernoulli(tf.sigmoid(odds), (seed, optimizer.step, DATA_DRAW + 1 + 2 * k), rows)
            odds = weights.hidden(visible)
            hidden = rng.bernoulli(tf.sigmoid(odds), (seed, optimizer.step, DATA_DRAW + 2 + 2 * k), rows)
        return visible, hidden

    def step(batch: Batch, votes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        visible, real, rows = _rows(batch, replica)
        own = tf.constant(0)
        with tf.GradientTape(persistent=True) as tape:
            # Read once. The update waits for values that it is computed from; for another read of a variable it does
            # not, where TensorFlow's optimizer of graphs has found them in order by a path that it folds away later.
            weights = model.weights()
            hidden, odds = reconstruct(weights, visible, (seed, optimizer.step, DATA_DRAW), rows)
            loss_sum, bit_count = _error(visible, odds, real)
            if chains is None:
                negatives, _ = negative_samples(weights, hidden, rows)
                weight = real
            else:
                share = settings.chains // replicas
                first = replica * share
                negatives, own = negative_samples(weights, chains[first : first + share], first + tf.range(share))
                weight = tf.ones([share])
                # Each replica's chains in their place among all, so that the sum over replicas puts them together.
                own = tf.pad(own, [[first, settings.chains - first - share], [0, 0]])
                own = tf.ensure_shape(own, chains.shape)
            data_energy = tf.reduce_sum(weights.free_energy(visible) * real)
            negative_energy = tf.reduce_sum(weights.free_energy(negatives) * weight)
        gradients = [
            tf.convert_to_tensor(gradient)
            for energy in (data_energy, negative_energy)
            for gradient in tape.gradient(energy, variables)
        ]
        del tape
        sums = [*gradients, tf.reduce_sum(real), tf.reduce_sum(weight), loss_sum, bit_count, tf.identity(votes)]
        if chains is not None:
            sums.append(own)
        sums = context.all_reduce("SUM", sums)
        data_gradients, negative_gradients = sums[: len(variables)], sums[len(variables) : 2 * len(variables)]
        data_rows, negative_rows, loss_sum, bit_count, votes, *together = sums[2 * len(variables) :]
        gradients = [
            of_data / tf.maximum(data_rows, 1.0) - of_negatives / tf.maximum(negative_rows, 1.0)
            for of_data, of_negatives in zip(data_gradients, negative_gradients, strict=True)
        ]
        if together:
            context.merge_call(_assign, args=(chains, together[0]))
        update(optimizer, gradients, training, total_steps)
        return loss_sum, bit_count, votes

    return train_multi_step(distribution, step, training.batch_size)


def make_scoring(distribution: Distribution, model: FrameModel, batch_size: int) -> ScoreMultiStep:
    """Returns the multi-step that adds up the reconstruction error of some global batches, each time by equal draws."""

    def step(batch: Batch) -> Tensor:
        context = tf.distribute.get_replica_context()
        visible, real, rows = _rows(batch, context.replica_id_in_sync_group)
        _, odds = reconstruct(model.weights(), visible, (model.seed, 0, DATA_DRAW), rows)
        return context.all_reduce("SUM", tf.stack(_error(visible, odds, real)))

    return score_multi_step(distribution, step, batch_size)


def _rows(batch: Batch, replica: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the bits, float32[B, V]; which rows count, float32[B]; and their numbers in the global batch."""
    visible = tf.cast(batch["frames"], tf.float32)
    share = tf.shape(visible)[0]
    return visible, tf.reduce_max(visible, axis=1), replica * share + tf.range(share)


def _error(visible: Tensor, odds: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the nats that the bits of rows which count cost, and the number of these bits."""
    nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=visible, logits=odds)
    width = tf.cast(tf.shape(visible)[1], tf.float32)
    return tf.reduce_sum(tf.reduce_sum(nats, axis=1) * real), tf.reduce_sum(real) * width


def _assign(strategy: tf.distribute.Strategy, variable: Variable, value: Tensor) -> None:
    strategy.extended.update(variable, lambda one, new: one.assign(new), args=(value,), group=False)
