"""Settings of models: what a model is made of, without TensorFlow, so that a command line can list it at once."""

from typing import Any, ClassVar


class ModelSettings:
    """The settings of one kind of model. Derive a frozen dataclass; each field's metadata has its `help`.

    What belongs to the model beside its settings is named as `module:attribute` and imported when it is needed.

    Attributes:
      name: what the command line and stored files call the model.
      network: class made from (settings, size, seed, labels), see `trainer.models.base`.
      objective: class of `trainer.objectives.base.Objective`: what its training minimises.
      signatures: class of `serving.graph.signatures.Signatures`: what an export of it offers.
    """

    name: ClassVar[str]
    network: ClassVar[str]
    objective: ClassVar[str] = "trainer.objectives.next_token:NextToken"
    signatures: ClassVar[str] = "serving.graph.token_signatures:TokenSignatures"
    __dataclass_fields__: ClassVar[dict[str, Any]]


def check_sizes(model: str, **sizes: int) -> None:
    """Checks that every size is a positive multiple of 16: vectorised kernels treat every unit of a row alike then.

    Raises:
        ValueError: names the setting, its value and what was expected.
    """
    for name, value in sizes.items():
        if value <= 0 or value % 16:
            raise ValueError(f"{model}: {name} must be a positive multiple of 16, got {value}")


def check_dropout(model: str, rate: float, name: str = "dropout") -> None:
    """Checks that a dropout is in [0, 1).

    Raises:
        ValueError: if it is not.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"{model}: {name} must be at least 0 and below 1, got {rate}")
