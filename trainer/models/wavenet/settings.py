"""Settings of a WaveNet."""

from dataclasses import dataclass, field
from typing import ClassVar

from trainer.models.settings import ModelSettings, check_dropout, check_sizes


@dataclass(frozen=True)
class WaveNet(ModelSettings):
    """Sizes of a WaveNet.

    Attributes:
        residual: channels of embedding, residual stream and gates.
        skip: channels of the skip sum and of the hidden layer of the head.
        dilations: distance of each block of one stack to its second input, in steps.
        stacks: how often the dilations repeat.
        dropout: share of every block's gated channels dropped in training, at all positions of a row at once.

    Raises:
        ValueError: a size that is not a multiple of 16, no blocks, or a dropout outside [0, 1).
    """

    name: ClassVar[str] = "wavenet"
    network: ClassVar[str] = "trainer.models.wavenet.network:WaveNetModel"

    residual: int = field(default=64, metadata={"help": "channels of the residual stream"})
    skip: int = field(default=256, metadata={"help": "channels of the skip connections"})
    dilations: tuple[int, ...] = field(
        default=(1, 2, 4, 8, 16, 32, 64, 128), metadata={"help": "distances in one stack"}
    )
    stacks: int = field(default=2, metadata={"help": "how often the dilations repeat"})
    dropout: float = field(default=0.1, metadata={"help": "share of units dropped in training"})

    def __post_init__(self) -> None:
        check_sizes("wavenet", residual=self.residual, skip=self.skip)
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"wavenet: dilations must be one or more positive numbers, got {self.dilations}")
        if self.stacks < 1:
            raise ValueError(f"wavenet: stacks must be at least 1, got {self.stacks}")
        check_dropout("wavenet", self.dropout)

    @property
    def distances(self) -> tuple[int, ...]:
        """The dilation of every block, from the input on."""
        return self.dilations * self.stacks

    @property
    def receptive_field(self) -> int:
        """How many tokens, the last one included, a prediction depends on."""
        return sum(self.distances) + 1
