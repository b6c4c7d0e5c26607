"""`tutti export`: a run's weights -> a SavedModel that TensorFlow Serving, or anything with TensorFlow, can run.

    NAME/<version>/saved_model.pb, variables/       signatures `generate`, the default, and `score`
    NAME/<version>/assets/encoding.json             how tokens become music
    NAME/<version>/assets/vocabulary.json           tokens in id order
    NAME/<version>/assets/labels.json               names of the labels 1, 2, ... that it can be asked for
    NAME/<version>/assets/model.json                what it is and was trained on
    NAME/<version>/assets.extra/tf_serving_warmup_requests

A version is written under a name that servers overlook, and renamed when it is complete.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from serving import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import numpy as np
import tensorflow as tf

from serving import warmup
from serving.graph import gibbs
from serving.graph.sampler import MAX_STEPS, MAX_TEMPERATURE, Sampler, SamplingRequests
from serving.graph.tiling import MAX_TILE
from serving.saved_model import ENCODING, LABELS, MODEL, VOCABULARY, versions
from trainer import gfile
from trainer.models.registry import settings_to_json
from trainer.run import directory
from trainer.run.config import RunConfig
from trainer.run.directory import Run
from tutti.cli.flags import Parser
from tutti.encodings.base import FrameEncoding
from tutti.encodings.registry import encoding_to_json
from tutti.errors import Error

FORMAT = 1

EXAMPLES = """examples:
  tutti export --run runs/drums --models models/drums
  tutti export --run runs/drums --models gs://bucket/models/drums --version 7
  tensorflow_model_server --rest_api_port=8501 --model_name=drums --model_base_path=$PWD/models/drums
"""


class Exported(tf.Module):
    """What is saved: the model's variables and the signatures."""

    def __init__(self, model: Any, vocabulary_size: int, tile: int, labels: int) -> None:
        super().__init__(name="tutti")
        self.model = model
        sampler = Sampler(model, vocabulary_size, tile, labels)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.int32, "prompt"),
                tf.TensorSpec([None], tf.int32, "steps"),
                tf.TensorSpec([None], tf.float32, "temperature"),
                tf.TensorSpec([None], tf.int32, "top_k"),
                tf.TensorSpec([None], tf.float32, "top_p"),
                tf.TensorSpec([None], tf.int64, "seed"),
                tf.TensorSpec([None], tf.int32, "label"),
            ]
        )
        def generate(
            prompt: Any, steps: Any, temperature: Any, top_k: Any, top_p: Any, seed: Any, label: Any
        ) -> dict[str, Any]:
            tokens, length, log_prob = sampler.generate(
                SamplingRequests(prompt, steps, temperature, top_k, top_p, seed, label)
            )
            return {"tokens": tokens, "length": length, "log_prob": log_prob}

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int32, "tokens"), tf.TensorSpec([None], tf.int32, "label")]
        )
        def score(tokens: Any, label: Any) -> dict[str, Any]:
            return {"log_prob": sampler.score(tokens, label)}

        self.generate, self.score = generate, score


def export(run: Run, models_path: str, version: int | None = None, which: str = "best", tile: int = 0) -> str:
    """Writes a version of a run's model; returns its path.

    Args:
      run: what to export.
      models_path: DIR/NAME, NAME being the model's name for servers; made where it is missing.
      version: its number; by default one more than the highest there.
      which: "best" weights on validation, or the "last".
      tile: see `serving.graph.sampler.Sampler`.

    Raises:
      UserError: the run has no such weights, they are not finite, the version is there already, or it cannot be
        written; nothing is left behind then.
    """
    model = run.model(which)
    _check_finite(model, run.path)
    version = next_version(models_path) if version is None else version
    path = gfile.join(models_path, str(version))
    if tf.io.gfile.exists(path):
        raise Error(f"version {version} is there already: {path}; give another --version, or none for the next")
    beside = gfile.join(models_path, f".tmp-{version}-{os.getpid()}")
    missing = _missing(models_path)
    try:
        with gfile.writing(path):
            tf.io.gfile.makedirs(models_path)
            _save(run, model, beside, tile)
            tf.io.gfile.rename(beside, path)
    except BaseException:
        with suppress(tf.errors.OpError):
            tf.io.gfile.rmtree(beside)
        with suppress(tf.errors.OpError):
            for folder in missing:
                if not tf.io.gfile.listdir(folder):
                    tf.io.gfile.rmtree(folder)
        raise
    return path


def _missing(path: str) -> list[str]:
    """The folders of `path` that are not there yet, the innermost first."""
    missing = []
    while path and not tf.io.gfile.exists(path):
        missing.append(path)
        path = path.rpartition("/")[0]
    return missing


def next_version(models_path: str) -> int:
    """One more than the highest version below `models_path`; 1 where there is none."""
    return max(versions(models_path), default=0) + 1


def _save(run: Run, model: Any, path: str, tile: int) -> None:
    config = run.config
    exported, limits, requests = _signed(config, model, tile)
    signatures = {"serving_default": exported.generate, "generate": exported.generate, "score": exported.score}
    tf.saved_model.save(exported, path, signatures)
    assets = gfile.join(path, "assets")
    tf.io.gfile.makedirs(assets)
    described = {
        "format": FORMAT,
        "preset": config.preset,
        "model": settings_to_json(config.model),
        "parameters": sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        "window": config.window,
        "snapshot": config.snapshot,
        "limits": limits,
        "tile": tile,
        "tensorflow": tf.__version__,
    }
    for name, value in (
        (ENCODING, encoding_to_json(config.encoding)),
        (VOCABULARY, list(config.vocabulary.tokens)),
        (LABELS, list(config.labels)),
        (MODEL, described),
    ):
        gfile.write_text(gfile.join(assets, name), json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    tf.io.gfile.makedirs(gfile.join(path, warmup.FOLDER))
    warmup.write(gfile.join(path, warmup.FOLDER, warmup.FILE), PurePosixPath(path).parent.name, requests)


def _signed(config: RunConfig, model: Any, tile: int) -> tuple[Any, dict[str, Any], dict[str, dict[str, Any]]]:
    """The model with its signatures, by its kind; what they allow at most; and a small request for each."""
    encoding, window = config.encoding, config.window
    if isinstance(encoding, FrameEncoding):
        machine = gibbs.Exported(model, window, encoding.bits, tile)
        return machine, {"gibbs_steps": gibbs.MAX_GIBBS_STEPS}, gibbs.warm_up_requests(window, encoding.bits)
    exported = Exported(model, len(config.vocabulary), tile, len(config.labels))
    return exported, {"steps": MAX_STEPS, "temperature": MAX_TEMPERATURE}, warm_up_requests()


def warm_up_requests() -> dict[str, dict[str, Any]]:
    """A small request for each signature but `generate`, which is the default's. One graph has all of the sampler."""
    generate = {
        "prompt": np.zeros((1, 1), np.int32),
        "steps": np.full(1, 4, np.int32),
        "temperature": np.ones(1, np.float32),
        "top_k": np.zeros(1, np.int32),
        "top_p": np.zeros(1, np.float32),
        "seed": np.zeros(1, np.int64),
        "label": np.zeros(1, np.int32),
    }
    score = {"tokens": np.full((1, 2), 3, np.int32), "label": np.zeros(1, np.int32)}
    return {"serving_default": generate, "score": score}


def _check_finite(model: Any, run_path: str) -> None:
    for variable in model.trainable_variables:
        if not np.isfinite(variable.numpy()).all():
            raise Error(f"run {run_path}: {variable.name} has weights that are not numbers; train it again")


def main(argv: list[str]) -> None:
    about = "Writes a run's model as a SavedModel that generates and scores by itself."
    parser = Parser("tutti export", about, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="the run directory that tutti train wrote")
    parser.add_argument("--models", required=True, metavar="DIR/NAME", help="where versions of model NAME are kept")
    parser.add_argument("--version", type=int, metavar="N", help="the version's number (the next)")
    parser.add_argument(
        "--weights", choices=("best", "last"), default="best", help="best on validation, or last (best)"
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=0,
        metavar="ROWS",
        help="compute with this many rows, always (fits the batch). On CPUs without AVX-512 VNNI "
        "only this makes an answer independent, to the last bit, of the requests beside it; 16 is a good value",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args(argv)
    if args.version is not None and args.version < 1:
        raise Error(f"--version must be 1 or more, got {args.version}")
    if args.tile and not 2 <= args.tile <= MAX_TILE:
        raise Error(f"--tile must be from 2 to {MAX_TILE}, or 0, got {args.tile}")
    run = directory.load(args.run)
    path = export(run, args.models.rstrip("/"), args.version, args.weights, args.tile)
    if args.json:
        place = PurePosixPath(path)
        described = {"path": path, "name": place.parent.name, "version": int(place.name), "preset": run.config.preset}
        print(json.dumps(described))
    else:
        print(path)
        print(f"next: tutti generate --model {args.models} --out out.mid", file=sys.stderr)


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
