"""Names for what crosses the border to TensorFlow, which has no types that a checker could use."""

from typing import Any, TypeAlias

import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
Variable: TypeAlias = tf.Variable

# A nested structure of tensors, each with the batch as its first dimension; what is in it is the model's own affair.
State: TypeAlias = Any

# A batch of windows by field: `label` int32[rows], 0 for none, and the schema's content: `tokens` int32[rows,
# window + 1] or `frames` uint8[rows, window * bits]. Several batches at once have a leading dimension more.
Batch: TypeAlias = dict[str, tf.Tensor]
