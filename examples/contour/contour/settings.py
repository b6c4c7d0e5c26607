"""What a GRU is made of. No TensorFlow here, so that `tutti train --help` can list it at once."""

from dataclasses import dataclass, field
from typing import ClassVar

from trainer.models.settings import ModelSettings, check_sizes


@dataclass(frozen=True)
class Gru(ModelSettings):
    """Settings of a gated recurrent unit (Cho et al., arXiv 1406.1078)."""

    name: ClassVar[str] = "gru"
    network: ClassVar[str] = "contour.network:GruModel"

    width: int = field(default=64, metadata={"help": "width of the GRU and of its token embedding"})

    def __post_init__(self) -> None:
        check_sizes("gru", width=self.width)
