"""The settings of an ingestion: what a user asks for, checked, and what of it travels with the pipeline."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.ingest.types import IngestJob
from pipelines.loops.config import CombineConfig
from tutti.dataset.manifest import COMBINED, SHARES, STANDARDISED, Dataset, are_shares
from tutti.encodings.base import Encoding
from tutti.errors import Error
from tutti.medium import MIDI_SUFFIXES

LARGEST_WINDOW, MOST_SHARDS = 1 << 20, 99_999
# Both of --split and of --labels: the folders of files say it.
FOLDER = "folder"
SPLIT = (0.8, 0.1, 0.1)
# The encoding of a new dataset for which none is named.
DEFAULT = "drums"

Split = tuple[float, float, float] | Literal["folder"]


@dataclass(frozen=True)
class IngestConfig:
    """The settings of an ingestion, for any corpus and dataset: what `pipelines.ingest.run.ingest` takes, and explains.

    Raises:
      Error: if one of them is out of its bounds, or does not go with another.
    """

    encoding: Encoding
    window: int = 256
    stride: int | None = None
    split: Split = SPLIT
    labels: str | None = None
    transpose: bool = False
    shards: int | None = None
    standardise: bool = False
    combine: CombineConfig | None = None

    def __post_init__(self) -> None:
        _check_count("--window", self.window, LARGEST_WINDOW)
        _check_count("--stride", self.stride)
        _check_count("--shards", self.shards, MOST_SHARDS)
        if self.split != FOLDER and not are_shares(self.split):
            raise Error(f"--split {self.split}: it must be {FOLDER}, or {SHARES}")
        if self.combine and self.split == FOLDER:
            raise Error("--split folder: loops are divided before they are combined; give three shares, as 0.8,0.1,0.1")
        if self.transpose and not self.encoding.pitched:
            raise Error(f"--transpose does not apply to --encoding {self.encoding.name}, whose tokens have no pitch")
        if (self.combine or self.standardise) and self.encoding.medium.suffixes != MIDI_SUFFIXES:
            medium = self.encoding.medium
            raise Error(f"--encoding {self.encoding.name} reads {medium.noun} files; drum loops are MIDI files")

    @property
    def fractions(self) -> tuple[float, float, float] | None:
        """Share of files for each split; None where folders say it."""
        return None if isinstance(self.split, str) else self.split

    @property
    def loops(self) -> str:
        """What is done to files before they become songs, as `Dataset.loops` has it."""
        return COMBINED if self.combine else STANDARDISED if self.standardise else ""

    def job(self, dataset: str, staging: str, before: Dataset | None) -> IngestJob:
        """Returns what travels with the pipeline.

        Args:
          dataset: the folder of the dataset to make or to add to.
          staging: the folder that takes what the run writes.
          before: the manifest of the dataset as it is; None for a new one.

        Raises:
          Error: if the dataset was made with other settings; names the first.
        """
        if self.combine and before:
            raise Error(f"--combine divides loops anew, which {dataset} has divided; give it a new --dataset")
        stride = self.window if self.stride is None else self.stride
        if before:
            wanted = replace(
                before,
                encoding=self.encoding,
                window=self.window,
                stride=stride,
                fractions=self.fractions,
                transpose=self.transpose,
                loops=self.loops,
            )
            for flag, has, wants in differences(before.options(), wanted.options()):
                raise Error(
                    f"{dataset} was made with {flag} {has}, not {wants}; ask for the same, or for another --dataset"
                )
        vocabulary = before.vocabulary if before else self.encoding.vocabulary()
        return IngestJob(
            dataset=dataset,
            staging=staging,
            snapshot=before.snapshot + 1 if before else 1,
            encoding=self.encoding,
            window=self.window,
            stride=stride,
            fractions=self.fractions,
            shards=self.shards,
            tokens=vocabulary.tokens if vocabulary else None,
            transpose=self.transpose,
            labels=before.labels if before else (),
            loops=self.loops,
            combine=replace(self.combine, fractions=self.fractions) if self.combine and self.fractions else None,
        )


def differences(stored: dict[str, Any], wanted: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Returns (flag, stored value, wanted value) where two sets of `Dataset.options` differ."""
    has, wants = _flags(stored), _flags(wanted)
    if has["--encoding"] != wants["--encoding"]:
        return [("--encoding", has["--encoding"], wants["--encoding"])]
    return [(flag, has.get(flag), wants.get(flag)) for flag in wants if has.get(flag) != wants.get(flag)]


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    """Returns options as a user would give them; parameters of the encoding are flags of their own."""
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


def _check_count(flag: str, value: int | None, most: int | None = None) -> None:
    if value is None:
        return
    if not isinstance(value, int) or not 1 <= value <= (most or value):
        raise Error(f"{flag} {value}: it must be at least 1" + (f" and at most {most:,}" if most else ""))
