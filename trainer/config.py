"""How a model is fitted and how the loop goes: settings beside those of the model, without TensorFlow."""

from dataclasses import dataclass, field

OPTIMIZERS = ("adam", "rmsprop", "sgd")
DECAYS = ("none", "linear", "cosine", "exponential", "inverse")
STRATEGIES = ("auto", "one", "mirrored", "multiworker")

Metadata = dict[str, object]


def _option(help: str, choices: tuple[str, ...] | None = None) -> Metadata:
    return {"help": help, "choices": choices}


def _off(help: str) -> Metadata:
    """For a setting whose default, 0, means that it is off: the help says so, and the default is not said again."""
    return {"help": help, "default_shown": False}


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is fitted. An epoch sees every window of the train split once.

    Raises:
      ValueError: if a field has a value that it cannot take.
    """

    optimizer: str = field(default="adam", metadata=_option("how gradients become updates", OPTIMIZERS))
    learning_rate: float = field(default=1e-3, metadata=_option("highest learning rate"))
    warmup: int = field(default=0, metadata=_option("steps in which the learning rate rises from 0"))
    decay: str = field(
        default="none",
        metadata=_option("how it falls, to a tenth at the last step; inverse: to 1 / (1 + step / 100)", DECAYS),
    )
    clip: float = field(default=1.0, metadata=_option("greatest norm of the whole gradient, 0 for any"))
    batch_size: int = field(default=64, metadata=_option("windows in a step, over all devices and workers"))
    epochs: int = field(default=60, metadata=_option("passes over the train split"))
    steps: int = field(default=0, metadata=_off("steps instead of epochs; 0: the epochs decide"))
    time_limit: float = field(default=0.0, metadata=_off("minutes of training at most, restarts included; 0: any"))
    evaluate_every: int = field(default=0, metadata=_off("steps from one validation to the next; 0: an epoch"))
    patience: int = field(default=0, metadata=_off("validations without gain before it stops; 0: it never does"))
    seed: int = field(default=1, metadata=_option("decides initial weights, order of windows and dropped units"))
    cache_mb: int = field(default=1024, metadata=_option("megabytes of windows to hold in memory at most"))
    carry: bool = field(
        default=False,
        metadata=_off("lay songs end to end in each row of a batch, the state going on from window to window"),
    )
    label_dropout: float = field(
        default=0.1, metadata=_option("share of rows trained without their label, in a dataset with labels")
    )

    def __post_init__(self) -> None:
        for name, choices in (("optimizer", OPTIMIZERS), ("decay", DECAYS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("learning_rate", "batch_size", "epochs", "cache_mb"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        for name in ("warmup", "clip", "steps", "time_limit", "evaluate_every", "patience", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        if not 0 <= self.label_dropout < 1:
            raise ValueError(f"label_dropout must be at least 0 and below 1, got {self.label_dropout}")


# What may change when a run goes on: how long it goes and when it looks up, not what it computes in a step.
EXTENDABLE = frozenset({"epochs", "steps", "time_limit", "patience", "evaluate_every"})


@dataclass(frozen=True)
class Pace:
    """How often the loop looks up from the graph. None of it changes the weights.

    Attributes:
      steps_per_call: steps in one call of the graph, at most. Between calls it saves, reports and can be stopped.
      report_every: steps from one line of metrics to the next.
      checkpoint_minutes: minutes from one checkpoint to the next; there is one after each epoch as well.
      checkpoint_steps: steps from one checkpoint to the next; 0 for minutes alone.

    Raises:
      ValueError: if there would be less than a step between two looks.
    """

    steps_per_call: int = 16
    report_every: int = 50
    checkpoint_minutes: float = 5.0
    checkpoint_steps: int = 0

    def __post_init__(self) -> None:
        for name in ("steps_per_call", "report_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("checkpoint_minutes", "checkpoint_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
