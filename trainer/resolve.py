"""What a run shall be, from what was requested, the preset, the dataset and what is already there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainer.config import EXTENDABLE, TrainingConfig
from trainer.data.reader import Corpus, is_dataset, open_corpus
from trainer.models.registry import models
from trainer.models.settings import ModelSettings
from trainer.objectives.base import objective_of
from trainer.presets import PRESETS, preset_name
from trainer.run import directory
from trainer.run.config import RunConfig
from trainer.run.settings import converted, of_model, of_training, replaced
from tutti.encodings.registry import encoding_to_flags
from tutti.errors import Error


@dataclass(frozen=True)
class RunRequest:
    """What was requested of a run; None where nothing was.

    Attributes:
      run: its folder.
      dataset, snapshot: what to train on.
      preset: encoding, model and training.
      model: the other model for the preset's encoding; without a preset, the model with its own defaults.
      settings: of the model and of training, in place of the preset's or of the defaults.
      weights_from: a run whose best weights a new one begins with; without a preset, what it was made of as well.
    """

    run: str
    dataset: str | None = None
    preset: str | None = None
    model: str | None = None
    snapshot: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    weights_from: str | None = None


def resolve(request: RunRequest) -> RunConfig:
    """Returns what the run is: made of the request or, where it exists, its own, which the request must not contradict.

    Raises:
      Error: if it cannot be made of the request, or an existing run differs from it; names what.
    """
    if is_dataset(request.run):
        raise Error(f"--run {request.run} is a dataset; give the run a folder of its own")
    if directory.exists(request.run):
        return _known(directory.load(request.run).config, request)
    start = directory.load(request.weights_from).config if request.weights_from else None
    if start and not request.preset and not request.model:
        name, model, training, encoding = start.preset, start.model, start.training, start.encoding.name
    elif request.preset or request.model:
        name, model, training, encoding = _requested(request.preset, request.model)
    else:
        raise Error(f"no run at {request.run} yet: --preset says what to make; there are {', '.join(PRESETS)}")
    path = request.dataset or (start.dataset if start else None)
    if not path:
        raise Error(f"no run at {request.run} yet: --dataset says what to train it on")
    corpus = open_corpus(path, request.snapshot)
    dataset = corpus.dataset
    if encoding and dataset.encoding.name != encoding:
        raise Error(
            f"dataset {path} has the encoding {dataset.encoding.name}, {name} needs {encoding}; "
            f"ingest one with --encoding {encoding}"
        )
    config = RunConfig(
        preset=name,
        model=replaced(model, of_model(request.settings, model)),
        training=replaced(training, of_training(request.settings)),
        encoding=dataset.encoding,
        vocabulary=dataset.vocabulary,
        window=dataset.window,
        dataset=path,
        snapshot=corpus.snapshot.number,
        content=corpus.content,
        # A dataset that has grown may have more labels than the weights know.
        labels=start.labels if start and corpus.labels[: len(start.labels)] == start.labels else corpus.labels,
        weights_from=request.weights_from or "",
    )
    _check_objective(config, corpus)
    if start:
        _check_start(config, start)
    return config


def _requested(preset: str | None, model: str | None) -> tuple[str, ModelSettings, TrainingConfig, str]:
    """Returns the name of a new run, its settings before any others, and its encoding; "" for the dataset's own."""
    if preset is not None:
        name = preset_name(preset, model)
        made = PRESETS[name]()
        return name, made.model, made.training, made.encoding
    name = model or ""
    if name not in models():
        raise Error(f"unknown model {name!r}; there are {', '.join(models())}")
    return name, models()[name](), TrainingConfig(), ""


def _check_objective(config: RunConfig, corpus: Corpus) -> None:
    """Checks that the model is one of what the windows hold."""
    objective, content = objective_of(config.model), corpus.schema.unit
    if objective.content != content:
        raise Error(
            f"model {config.model.name} is for {objective.content}; dataset {corpus.path}, whose encoding is "
            f"{config.encoding.name}, holds {content}"
        )
    if config.training.carry and not objective.carries:
        raise Error(f"--carry is for tokens; dataset {corpus.path} holds frames of bits")


def _check_start(config: RunConfig, start: RunConfig) -> None:
    """Checks that the weights of another run mean the same here; whether they fit, only the model can tell."""
    differences = {
        f"model {start.model.name}, not {config.model.name}": start.model.name != config.model.name,
        f"{encoding_to_flags(start.encoding)}, not {encoding_to_flags(config.encoding)}": (
            not config.encoding.reads_songs_of(start.encoding)
        ),
        "another vocabulary": start.vocabulary != config.vocabulary,
        f"the labels {', '.join(start.labels)}, not {', '.join(config.labels)}": start.labels != config.labels,
    }
    for difference, differs in differences.items():
        if differs:
            raise Error(f"--weights-from {config.weights_from}: that run has {difference}")


def _known(known: RunConfig, request: RunRequest) -> RunConfig:
    """Returns an existing run's configuration, with the settings that may change.

    Raises:
      Error: names what differs.
    """
    differences = []
    if request.weights_from and request.weights_from != known.weights_from:
        differences.append(f"weights from {known.weights_from or 'its seed'}, not {request.weights_from}")
    if request.preset or request.model:
        # A run without a preset goes by the name of its model.
        named = request.preset or (known.preset if known.preset in PRESETS else None)
        name = preset_name(named, request.model) if named else request.model
        if name != known.preset:
            differences.append(f"preset {known.preset}, not {name}")
    if request.dataset:
        differences += _other_dataset(known, request.dataset)
    if request.snapshot not in (None, known.snapshot):
        differences.append(f"snapshot {known.snapshot}, not {request.snapshot}")
    training = of_training(request.settings)
    own = {name: value for name, value in request.settings.items() if name in known.model.__dataclass_fields__}
    for settings, values in ((known.model, own), (known.training, training)):
        differences += [
            f"{name} {getattr(settings, name)}, not {value}"
            for name, value in converted(settings, values).items()
            if name not in EXTENDABLE and value != getattr(settings, name)
        ]
    if differences:
        raise Error(f"run {request.run} has {', '.join(differences)}; choose another --run")
    of_model(request.settings, known.model)
    return replace(known, training=replaced(known.training, training), dataset=request.dataset or known.dataset)


def _other_dataset(known: RunConfig, path: str) -> list[str]:
    """Returns in what a dataset differs from the one that a run trains on."""
    dataset = open_corpus(path).dataset
    if dataset.encoding != known.encoding:
        return [f"{encoding_to_flags(known.encoding)}, not {encoding_to_flags(dataset.encoding)}"]
    if dataset.vocabulary != known.vocabulary:
        return ["another vocabulary than the dataset's"]
    if dataset.window != known.window:
        return [f"window {known.window}, not {dataset.window}"]
    if open_corpus(path, known.snapshot).content != known.content:
        return [f"other songs than dataset {path}"]
    return []
