"""Settings of a restricted Boltzmann machine."""

from dataclasses import dataclass, field
from typing import ClassVar

from trainer.models.settings import ModelSettings

MOST_GIBBS_STEPS = 100  # of a gradient


@dataclass(frozen=True)
class Rbm(ModelSettings):
    """Sizes of a restricted Boltzmann machine, and the chains that its gradient takes. The visible bits are the data's.

    Attributes:
        hidden: hidden bits.
        gibbs_steps: draws of the visible bits for each gradient, the k of CD-k.
        chains: chains that go on from gradient to gradient (persistent contrastive divergence, Tieleman 2008); 0 for
            chains that begin at the data each time (contrastive divergence, Hinton 2002).

    Raises:
        ValueError: a number out of bounds.
    """

    name: ClassVar[str] = "rbm"
    network: ClassVar[str] = "trainer.models.rbm.network:RbmModel"
    objective: ClassVar[str] = "trainer.objectives.contrastive_divergence:ContrastiveDivergence"
    signatures: ClassVar[str] = "serving.graph.gibbs:GibbsSignatures"

    hidden: int = field(default=50, metadata={"help": "hidden bits"})
    gibbs_steps: int = field(default=1, metadata={"help": "Gibbs steps for each gradient, the k of CD-k"})
    chains: int = field(
        default=0, metadata={"help": "persistent chains; 0: each gradient's begin at the data", "default_shown": False}
    )

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"rbm: hidden must be at least 1, got {self.hidden}")
        if not 1 <= self.gibbs_steps <= MOST_GIBBS_STEPS:
            raise ValueError(f"rbm: gibbs_steps must be from 1 to {MOST_GIBBS_STEPS}, got {self.gibbs_steps}")
        if self.chains < 0:
            raise ValueError(f"rbm: chains must be at least 0, got {self.chains}")
