"""`tutti.export`: a run's weights -> a SavedModel that TensorFlow Serving, or anything with TensorFlow, can run.

    NAME/<version>/saved_model.pb, variables/       signatures: `generate`, the default, and others
    NAME/<version>/assets/encoding.json             how tokens become music
    NAME/<version>/assets/vocabulary.json           tokens in id order
    NAME/<version>/assets/labels.json               names of the labels 1, 2, ... that it can be asked for
    NAME/<version>/assets/model.json                what it is and was trained on
    NAME/<version>/assets.extra/tf_serving_warmup_requests

Servers see all of a version or none of it: see `serving.publish`.
"""

from __future__ import annotations

# Before TensorFlow is imported, which the command line does without its chatter.
if __name__ == "__main__":
    import sys

    from tutti import cli

    sys.exit(cli.main(["export", *sys.argv[1:]]))

import inspect
import json
import os
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
import tensorflow as tf

from serving import publish, serving_config, warmup
from serving.exported_model import ENCODING, LABELS, MODEL, VOCABULARY
from serving.graph.signatures import Signatures
from serving.graph.tiling import MAX_TILE
from serving.options import OptionError
from trainer import gfile
from trainer.models.registry import settings_to_json
from trainer.run import directory
from trainer.run.config import RunConfig
from trainer.run.directory import Run
from tutti.encodings.durations import Durations
from tutti.encodings.registry import encoding_to_json
from tutti.errors import Error

FORMAT = 1
WEIGHTS = ("best", "last")
# How prompts are read.
STEPS, WINDOW = "steps", "window"
PROMPTS = (STEPS, WINDOW)


@dataclass(frozen=True)
class Export(os.PathLike[str]):
    """An exported version of a model, which stands for its folder.

    Attributes:
      path: the version's folder.
      name: the model's name for servers.
      version: its number.
      preset: what the run was started as.
      suffix: how the files of its pieces end.
    """

    path: str
    name: str
    version: int
    preset: str
    suffix: str = ".mid"

    def __fspath__(self) -> str:
        return self.path

    def to_json(self) -> dict[str, Any]:
        """Returns what `tutti export --json` prints."""
        return {"path": self.path, "name": self.name, "version": self.version, "preset": self.preset}


def export(
    run: str | os.PathLike[str] | Run,
    models: str | os.PathLike[str],
    *,
    version: int | None = None,
    weights: str = "best",
    tile: int = 0,
    prompts: str = STEPS,
    config: str | os.PathLike[str] | None = None,
) -> Export:
    """Writes a version of a run's model.

    Args:
      run: what to export: the run directory, or the run itself.
      models: DIR/NAME, NAME being the model's name for servers; made where it is missing.
      version: its number; by default one more than the highest there.
      weights: "best" on validation, or the "last".
      tile: rows in every matrix product, see `serving.graph.sampler.Sampler`; 0 for what fits the batch.
      prompts: how they are read: in "steps", token by token, or as a "window", all at once, which is faster for
        WaveNets; what that gives differs by rounding from what steps do.
      config: a folder for TensorFlow Serving's configuration, see `serving.serving_config`; none by default.

    Raises:
      Error: if an option is out of bounds, there is no run, it has no such weights, they are not finite, the version
        is there already, or it cannot be written; nothing is left behind then. Or if the configuration cannot be read
        or, once the version is there, written.
    """
    _check_options(version, weights, tile, prompts)
    if not isinstance(run, Run):
        run = directory.load(os.fspath(run))
    folder = os.fspath(models).rstrip("/")
    served = serving_config.read(os.fspath(config)) if config is not None else None
    signatures = _signatures(run.config, prompts)
    model = run.model(weights)
    _check_finite(model, run.path)
    version = next_version(folder) if version is None else version
    path = gfile.join(folder, str(version))
    if tf.io.gfile.exists(path):
        raise OptionError(
            "version {number} is there already: {path}; give another {version}, or none for the next",
            number=version,
            path=path,
        )
    missing = _missing(folder)
    try:
        with gfile.writing(path):
            tf.io.gfile.makedirs(folder)
            publish.clean(folder)
            with publish.publishing(path) as beside:
                _save(run.config, model, signatures(model, run.config, tile), beside, tile, prompts)
    except BaseException:
        with suppress(tf.errors.OpError):
            for parent in missing:
                if not tf.io.gfile.listdir(parent):
                    tf.io.gfile.rmtree(parent)
        raise
    suffix = run.config.encoding.medium.suffixes[0]
    name = PurePosixPath(path).parent.name
    if config is not None and served is not None:
        place = folder if "://" in folder else str(Path(folder).absolute())
        serving_config.write(os.fspath(config), served, name, place)
    return Export(path, name, version, run.config.preset, suffix)


def next_version(models: str) -> int:
    """Returns one more than the highest version that was ever begun in a model's folder; 1 where there is none."""
    return max(publish.numbers(models), default=0) + 1


def _check_options(version: int | None, weights: str, tile: int, prompts: str) -> None:
    if version is not None and version < 1:
        raise OptionError(f"{{version}} must be 1 or more, got {version}")
    if weights not in WEIGHTS:
        raise OptionError(f"{{weights}} must be {' or '.join(WEIGHTS)}, got {{value!r}}", value=weights)
    if prompts not in PROMPTS:
        raise OptionError(f"{{prompts}} must be {' or '.join(PROMPTS)}, got {{value!r}}", value=prompts)
    if tile and not 2 <= tile <= MAX_TILE:
        raise OptionError(f"{{tile}} must be from 2 to {MAX_TILE}, or 0, got {tile}")


def _check_finite(model: Any, run_path: str) -> None:
    for variable in model.trainable_variables:
        if not np.isfinite(variable.numpy()).all():
            raise Error(f"run {run_path}: {variable.name} has weights that are not numbers; train it again")


def _missing(path: str) -> list[str]:
    """Returns the folders of `path` that are not there yet, the innermost first."""
    missing = []
    while path and not tf.io.gfile.exists(path):
        missing.append(path)
        path = path.rpartition("/")[0]
    return missing


def _save(config: RunConfig, model: Any, exported: Signatures, path: str, tile: int, prompts: str) -> None:
    signatures = exported.signatures()
    tf.saved_model.save(exported, path, {"serving_default": signatures["generate"], **signatures})
    assets = gfile.join(path, "assets")
    tf.io.gfile.makedirs(assets)
    durations = Durations.of(config.encoding, config.vocabulary)
    description = {
        "format": FORMAT,
        "preset": config.preset,
        "model": settings_to_json(config.model),
        "parameters": sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        "window": config.window,
        "snapshot": config.snapshot,
        "limits": exported.limits(),
        **({"quarter": durations.quarter} if durations else {}),
        "tile": tile,
        **({"prompts": prompts} if prompts != STEPS else {}),
        "tensorflow": tf.__version__,
    }
    for name, value in (
        (ENCODING, encoding_to_json(config.encoding)),
        (VOCABULARY, list(config.vocabulary.tokens)),
        (LABELS, list(config.labels)),
        (MODEL, description),
    ):
        gfile.write_text(gfile.join(assets, name), json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    tf.io.gfile.makedirs(gfile.join(path, warmup.FOLDER))
    requests = exported.warm_up_requests()
    warmup.write(gfile.join(path, warmup.FOLDER, warmup.FILE), PurePosixPath(path).parent.name, requests)


def _signatures(config: RunConfig, prompts: str) -> Callable[[Any, RunConfig, int], Signatures]:
    """Imports the class of the signatures that a model's settings name.

    Raises:
      Error: if it cannot be loaded, or cannot read prompts in this way.
    """
    place = config.model.signatures
    try:
        signatures: Any = pkgutil.resolve_name(place)
    except (ImportError, AttributeError, ValueError) as error:
        raise Error(f"cannot load {place}, the signatures of the model {config.model.name}: {error}") from error
    if prompts == STEPS:
        return cast(type[Signatures], signatures)
    if "windows" not in inspect.signature(signatures).parameters:
        raise OptionError(f"{{prompts}} {prompts} is for models of tokens, not for {config.model.name}")
    return partial(signatures, windows=True)
