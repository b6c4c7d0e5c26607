"""Several steps of `strategy.run` in one call of a graph, whatever a step computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

from trainer.distribution import Distribution
from trainer.types import Batch, Tensor


@dataclass(frozen=True)
class Sums:
    """What some steps add up over all replicas.

    Attributes:
      loss_sum: the loss in nats.
      token_count: what it is of: real targets or, of a model of bits, bits.
      votes: for ending the run, the number of replicas for each reason.
    """

    loss_sum: float
    token_count: float
    votes: tuple[float, ...] = ()


# Whether this worker wants the run to end: time is up; its `stop` is set.
Votes: TypeAlias = tuple[bool, bool]

# Take this worker's rows of some batches, [steps, rows, ...] each, and how many of the steps to take.
MultiStep: TypeAlias = Callable[[Batch, int, Votes], Sums]
ScoreMultiStep: TypeAlias = Callable[[Batch, int], Sums]

# In replica context: (a batch, votes) -> loss sum, token count and votes of all replicas.
TrainStep: TypeAlias = Callable[[Batch, Tensor], tuple[Tensor, Tensor, Tensor]]
# In replica context: a batch -> float32[2], loss sum and token count of all replicas.
ScoreStep: TypeAlias = Callable[[Batch], Tensor]


def train_multi_step(distribution: Distribution, step: TrainStep, batch_size: int) -> MultiStep:
    """Returns the function that takes several steps of training in one call of a graph."""

    def numbered(batches: Batch, k: Tensor, votes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return step(_one(batches, k), votes)

    @tf.function
    def steps(batches: Batch, count: Tensor, votes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        loss_sum, token_count, agreed = tf.constant(0.0), tf.constant(0.0), tf.zeros([2])
        for k in tf.range(count):
            results = distribution.strategy.run(numbered, args=(batches, k, votes))
            loss, tokens, agreed = (distribution.strategy.experimental_local_results(result)[0] for result in results)
            loss_sum, token_count = loss_sum + loss, token_count + tokens
        return loss_sum, token_count, agreed

    def train(batches: Batch, count: int, votes: Votes) -> Sums:
        own = tf.constant([float(vote) for vote in votes])
        loss_sum, token_count, agreed = steps(distribution.shares(batches, batch_size), tf.constant(count), own)
        return Sums(float(loss_sum), float(token_count), tuple(agreed.numpy().tolist()))

    return train


def score_multi_step(distribution: Distribution, step: ScoreStep, batch_size: int) -> ScoreMultiStep:
    """Returns the function that takes several steps of scoring in one call of a graph."""

    def numbered(batches: Batch, k: Tensor) -> Tensor:
        return step(_one(batches, k))

    @tf.function
    def steps(batches: Batch, count: Tensor) -> Tensor:
        sums = tf.zeros([2])
        for k in tf.range(count):
            results = distribution.strategy.run(numbered, args=(batches, k))
            sums += distribution.strategy.experimental_local_results(results)[0]
        return sums

    def score(batches: Batch, count: int) -> Sums:
        loss_sum, token_count = steps(distribution.shares(batches, batch_size), tf.constant(count)).numpy()
        return Sums(float(loss_sum), float(token_count))

    return score


def _one(batches: Batch, k: Tensor) -> Batch:
    return {name: rows[k] for name, rows in batches.items()}
