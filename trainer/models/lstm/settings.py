"""Settings of a stacked LSTM."""

from dataclasses import dataclass, field
from typing import ClassVar

from trainer.models.settings import ModelSettings, check_dropout, check_sizes


@dataclass(frozen=True)
class Lstm(ModelSettings):
    """Sizes of a stacked LSTM.

    Attributes:
        units: width of every layer.
        layers: number of layers.
        embedding: width of the token embedding.
        dense: width of a ReLU layer before the softmax; 0 for none.
        dropout: share of every layer's outputs dropped in training (never between one step and the next).
        input_dropout: share of every layer's input-to-gate products dropped in training, the recurrent ones and the
            biases never.

    Raises:
        ValueError: a size that is not a multiple of 16, no layers, or a dropout outside [0, 1).
    """

    name: ClassVar[str] = "lstm"
    network: ClassVar[str] = "trainer.models.lstm.network:LstmModel"

    units: int = field(default=512, metadata={"help": "width of every LSTM layer"})
    layers: int = field(default=2, metadata={"help": "number of LSTM layers"})
    embedding: int = field(default=128, metadata={"help": "width of the token embedding"})
    dense: int = field(
        default=0, metadata={"help": "width of a layer before the softmax; 0 for none", "default_shown": False}
    )
    dropout: float = field(default=0.2, metadata={"help": "share of units dropped in training"})
    input_dropout: float = field(
        default=0.0, metadata={"help": "share of the input-to-gate products dropped in training"}
    )

    def __post_init__(self) -> None:
        check_sizes("lstm", units=self.units, embedding=self.embedding)
        if self.dense:
            check_sizes("lstm", dense=self.dense)
        if self.layers < 1:
            raise ValueError(f"lstm: layers must be at least 1, got {self.layers}")
        check_dropout("lstm", self.dropout)
        check_dropout("lstm", self.input_dropout, "input_dropout")
