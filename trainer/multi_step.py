"""Several steps of `strategy.run` in one call of a graph, whatever a step computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from trainer.distribution import Distribution


@dataclass(frozen=True)
class Sums:
    """What some steps added up over all replicas.

    Attributes:
      nats: the loss.
      targets: what it is of: real targets, or bits.
      votes: for ending the run.
    """

    nats: float
    targets: float
    votes: tuple[float, ...] = ()


# (this worker's rows int32[steps, rows, 1 + window + 1], a label and then tokens, how many of the steps to take, this
# worker's votes) -> sums
Call = Callable[..., Sums]
VOTES = 2  # time is up; told to stop

# In replica context: (batches, the number of one of them) -> nats and targets of all replicas.
Step = Callable[..., Any]


def training_call(place: Distribution, step: Step, batch_size: int) -> Call:
    """The call for a step that also takes and returns votes, as (batches, number, votes) -> (nats, targets, votes)."""

    @tf.function
    def call(batches: Any, count: Any, votes: Any) -> tuple[Any, ...]:
        nats, targets, agreed = tf.constant(0.0), tf.constant(0.0), tf.zeros([VOTES])
        for k in tf.range(count):
            results = place.strategy.run(step, args=(batches, k, votes))
            more, real, agreed = (place.strategy.experimental_local_results(result)[0] for result in results)
            nats, targets = nats + more, targets + real
        return nats, targets, agreed

    def train(rows: Any, count: int, votes: tuple[bool, ...]) -> Sums:
        own = tf.constant([float(vote) for vote in votes])
        nats, targets, agreed = call(place.values(rows, batch_size), tf.constant(count), own)
        return Sums(float(nats), float(targets), tuple(agreed.numpy().tolist()))

    return train


def scoring_call(place: Distribution, step: Step, batch_size: int) -> Call:
    """The call for a step that returns nats and targets as one float32[2]."""

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
