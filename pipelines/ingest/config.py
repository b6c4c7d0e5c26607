"""The settings of an ingestion, from its flags and from the dataset that it adds to."""

import argparse
from dataclasses import replace
from typing import Any

from pipelines.ingest.label import FOLDER
from pipelines.ingest.types import IngestJob
from pipelines.loops import config
from tutti.dataset.manifest import COMBINED, STANDARDISED, Dataset
from tutti.encodings.base import Encoding
from tutti.errors import Error
from tutti.medium import MIDI_SUFFIXES


def job_for(args: argparse.Namespace, encoding: Encoding, folder: str, before: Dataset | None) -> IngestJob:
    """The settings of this run.

    Raises:
      UserError: if the dataset was made with other settings; names the first.
    """
    vocabulary = before.vocabulary if before else encoding.vocabulary()
    job = IngestJob(
        dataset=args.dataset,
        staging=folder,
        snapshot=before.snapshot + 1 if before else 1,
        encoding=encoding,
        window=args.window,
        stride=args.stride,
        fractions=args.split,
        shards=args.shards,
        tokens=vocabulary.tokens if vocabulary else None,
        transpose=args.transpose,
        labels=before.labels if before else (),
        standardise=args.standardise,
        recipe=config.from_arguments(args, "combine", "combine-"),
    )
    if job.recipe and before:
        raise Error(f"--combine divides loops anew, which {args.dataset} has divided; give it a new --dataset")
    if (job.recipe or job.standardise) and encoding.medium.suffixes != MIDI_SUFFIXES:
        raise Error(f"--encoding {encoding.name} reads {encoding.medium.noun} files; drum loops are MIDI files")
    if before:
        asked = replace(
            before,
            encoding=encoding,
            window=job.window,
            stride=job.stride,
            fractions=job.fractions,
            transpose=job.transpose,
            loops=job.loops,
        )
        for flag, has, wants in differences(before.options(), asked.options()):
            raise Error(
                f"{args.dataset} was made with {flag} {has}, not {wants}; ask for the same, or for another --dataset"
            )
    return job


def differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(flag, stored value, asked value) where two sets of options differ; parameters as flags of their own."""

    def flat(options: dict[str, Any]) -> dict[str, Any]:
        encoding = dict(options["encoding"])
        flags = {"--encoding": encoding.pop("name")}
        flags |= {"--" + name.replace("_", "-"): value for name, value in encoding.items()}
        shares = options["fractions"]
        return flags | {
            "--window": options["window"],
            "--stride": options["stride"],
            "--split": FOLDER if shares is None else ",".join(f"{share:g}" for share in shares),
            "--transpose": "on" if options["transpose"] else "off",
            "--standardise": "on" if options["loops"] == STANDARDISED else "off",
            "--combine": "on" if options["loops"] == COMBINED else "off",
        }

    has, wants = flat(stored), flat(asked)
    if has["--encoding"] != wants["--encoding"]:
        return [("--encoding", has["--encoding"], wants["--encoding"])]
    return [(flag, has.get(flag), wants.get(flag)) for flag in wants if has.get(flag) != wants.get(flag)]
