"""Adam, RMSprop and plain descent on gradients that are already summed over all replicas.

Written out here because clipping by the norm of the whole gradient has to come after the sum over replicas, and Keras'
optimizers clip before it. The arithmetic is TensorFlow's fused kernels: one pass over each variable.
"""

from collections.abc import Sequence

import tensorflow as tf

from trainer.config import TrainingConfig
from trainer.schedule import learning_rate
from trainer.types import Tensor, Variable

BETA_1, BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-7
RHO, RMSPROP_EPSILON = 0.9, 1e-7


class Optimizer:
    """Updates variables in place; made in the strategy's scope.

    Attributes:
      variables: the ones it updates. Of a variable of Keras, the one of TensorFlow that holds its value.
      step: int64 variable, the number of updates so far.
      slots: what it remembers of each variable, zeros of its shape at first.
    """

    slots_per_variable = 2

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.variables = [_held(variable) for variable in variables]
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.slots = [
            tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False, name=f"slot{i}")
            for v in self.variables
            for i in range(self.slots_per_variable)
        ]

    def apply(self, gradients: Sequence[Tensor], learning_rate: Tensor) -> None:
        """Updates once; called in replica context with gradients that are equal on all replicas."""
        tf.distribute.get_replica_context().merge_call(self._update_all, args=(list(gradients), learning_rate))

    def _update_all(self, strategy: tf.distribute.Strategy, gradients: list[Tensor], learning_rate: Tensor) -> None:
        strategy.extended.update(self.step, lambda step: step.assign_add(1), group=False)
        for i, (variable, gradient) in enumerate(zip(self.variables, gradients, strict=True)):
            first = i * self.slots_per_variable
            slots = self.slots[first : first + self.slots_per_variable]
            strategy.extended.update(
                variable, self._update, args=(gradient, learning_rate, self.step, *slots), group=False
            )

    def _update(
        self, variable: Variable, gradient: Tensor, learning_rate: Tensor, step: Tensor, *slots: Variable
    ) -> None:
        raise NotImplementedError


class Adam(Optimizer):
    """Kingma and Ba, arXiv 1412.6980, with the betas and epsilon that Keras uses."""

    def _update(
        self, variable: Variable, gradient: Tensor, learning_rate: Tensor, step: Tensor, *slots: Variable
    ) -> None:
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

    def _update(
        self, variable: Variable, gradient: Tensor, learning_rate: Tensor, step: Tensor, *slots: Variable
    ) -> None:
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

    def _update(
        self, variable: Variable, gradient: Tensor, learning_rate: Tensor, step: Tensor, *slots: Variable
    ) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=learning_rate, delta=gradient, use_locking=True
        )


# By the names in `trainer.config.OPTIMIZERS`.
CLASSES: dict[str, type[Optimizer]] = {"adam": Adam, "rmsprop": RMSprop, "sgd": Sgd}


def make_optimizer(training: TrainingConfig, variables: Sequence[Variable]) -> Optimizer:
    """Returns the optimizer that `training` names, for these variables; called in the strategy's scope."""
    return CLASSES[training.optimizer](variables)


def update(optimizer: Optimizer, gradients: Sequence[Tensor], training: TrainingConfig, total_steps: int) -> None:
    """Clips gradients that are summed over all replicas and applies them at the step's learning rate.

    Args:
      total_steps: updates of the whole run, for the learning rate's decay.
    """
    if training.clip:
        gradients, _ = tf.clip_by_global_norm(gradients, training.clip)
    rate = learning_rate(
        optimizer.step, peak=training.learning_rate, warmup=training.warmup, decay=training.decay, steps=total_steps
    )
    optimizer.apply(gradients, rate)


def _held(variable: Variable) -> Variable:
    # `value` of a variable of TensorFlow is a method; of one of Keras it is the variable that Keras wraps.
    value = getattr(variable, "value", None)
    return variable if value is None or callable(value) else value
