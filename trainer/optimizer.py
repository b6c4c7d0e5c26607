"""Adam, RMSprop and plain descent on gradients that are already summed over all replicas.

Written out here because clipping by the norm of the whole gradient has to come after the sum over replicas, and Keras'
optimizers clip before it. The arithmetic is TensorFlow's fused kernels: one pass over each variable.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

BETA_1, BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-7
RHO, RMSPROP_EPSILON = 0.9, 1e-7


class Optimizer:
    """Updates variables in place; made in the strategy's scope.

    Attributes:
      step: int64 variable, the number of updates so far.
      slots: what it remembers of each variable, zeros of its shape at first.
    """

    slots_per_variable = 2

    def __init__(self, variables: Sequence[Any]) -> None:
        self.variables = [v.value if isinstance(v, keras.Variable) else v for v in variables]
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.slots = [
            tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False, name=f"slot{i}")
            for v in self.variables
            for i in range(self.slots_per_variable)
        ]

    def apply(self, gradients: Sequence[Any], learning_rate: Any) -> None:
        """One update, called in replica context with gradients that are equal on all replicas."""
        tf.distribute.get_replica_context().merge_call(self._update_all, args=(list(gradients), learning_rate))

    def _update_all(self, strategy: Any, gradients: list[Any], learning_rate: Any) -> None:
        strategy.extended.update(self.step, lambda step: step.assign_add(1), group=False)
        for i, (variable, gradient) in enumerate(zip(self.variables, gradients, strict=True)):
            first = i * self.slots_per_variable
            slots = self.slots[first : first + self.slots_per_variable]
            strategy.extended.update(
                variable, self._update, args=(gradient, learning_rate, self.step, *slots), group=False
            )

    def _update(self, variable: Any, gradient: Any, learning_rate: Any, step: Any, *slots: Any) -> None:
        raise NotImplementedError


class Adam(Optimizer):
    """Kingma and Ba, arXiv 1412.6980, with the betas and epsilon that Keras uses."""

    def _update(self, variable: Any, gradient: Any, learning_rate: Any, step: Any, *slots: Any) -> None:
        mean, square = slots
        count = tf.cast(step, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=tf.pow(BETA_1, count),
            beta2_power=tf.pow(BETA_2, count),
            lr=learning_rate,
            beta1=BETA_1,
            beta2=BETA_2,
            epsilon=ADAM_EPSILON,
            grad=gradient,
            use_locking=True,
        )


class RMSprop(Optimizer):
    """Tieleman and Hinton, Coursera lecture 6.5 (2012), with the decay and epsilon that Keras uses."""

    def _update(self, variable: Any, gradient: Any, learning_rate: Any, step: Any, *slots: Any) -> None:
        square, momentum = slots
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=square.handle,
            mom=momentum.handle,
            lr=learning_rate,
            rho=RHO,
            momentum=0.0,
            epsilon=RMSPROP_EPSILON,
            grad=gradient,
            use_locking=True,
        )


class Sgd(Optimizer):
    """Plain gradient descent: each weight moves by the gradient times the learning rate."""

    slots_per_variable = 0

    def _update(self, variable: Any, gradient: Any, learning_rate: Any, step: Any, *slots: Any) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=learning_rate, delta=gradient, use_locking=True
        )


OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "rmsprop": RMSprop, "sgd": Sgd}
