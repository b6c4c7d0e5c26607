"""Global conditioning on a label: one learned vector a layer, the same at every step (arXiv 1609.03499, section 2.5).

The paper adds V^T h, h being the label as one-hot vector, to both halves of every gated unit: a row of a table. An LSTM
takes it likewise, in the sums of its gates.
"""

from __future__ import annotations

import tensorflow as tf

from trainer.models.layers import Initialiser
from trainer.types import Tensor


class Conditioning(tf.Module):
    """What each label adds in every layer. Label 0 stands for none and has a row of its own, learned like the others.

    Args:
        init: where the weights start.
        labels: how many labels there are, numbered from 1.
        layers: how many layers the model has.
        width: sums in a layer that the label is added to.
    """

    def __init__(self, init: Initialiser, labels: int, layers: int, width: int) -> None:
        super().__init__(name="conditioning")
        names = [f"label{layer}" for layer in range(layers)]
        # A label picks one row, so the fan-in is one.
        self.tables = [tf.Variable(init.uniform(name, (labels + 1, width), 1, width), name=name) for name in names]

    def __call__(self, label: Tensor) -> list[Tensor]:
        """Returns what to add in each layer, float32[B, width], for `label` int32[B]."""
        return [tf.gather(table, label) for table in self.tables]


def labels_or_none(batch: int | Tensor, label: Tensor | None) -> Tensor:
    """Returns `label` as int32[B], or zeros for `batch` rows where it is None."""
    return tf.zeros([batch], tf.int32) if label is None else tf.cast(label, tf.int32)
