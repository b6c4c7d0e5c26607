"""What an export of a model offers: the class that the model's settings name as `signatures`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.run.config import RunConfig


class Signatures(Protocol):
    """The signatures of a model: a `tf.Module` that holds the model, so that its variables are saved.

    `tutti.load` generates with an export whose signature `generate` takes `prompt`, as that of
    `serving.graph.token_signatures.TokenSignatures` does, or `frames`, as that of
    `serving.graph.gibbs.GibbsSignatures` does.
    """

    def __init__(self, model: Any, config: RunConfig, tile: int) -> None:
        """Makes the signatures.

        Args:
          model: the network, as `config.model.network` makes it.
          config: of the run that trained it.
          tile: rows in every matrix product; 0 for what fits the batch.
        """
        ...

    def signatures(self) -> Mapping[str, Callable[..., Any]]:
        """Returns the signatures by name, as `tf.function`s; `generate` is what servers take for the default."""
        ...

    def limits(self) -> Mapping[str, float]:
        """Returns what inputs may be at most, for whoever calls the signatures; `model.json` lists it."""
        ...

    def warm_up_requests(self) -> Mapping[str, Mapping[str, NDArray[np.generic]]]:
        """Returns the inputs of a small request for each signature; `generate`'s is that of `serving_default`."""
        ...
