"""Drum loops: standardise them, or combine them into new ones."""

import dataclasses
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import takewhile
from typing import Any

from pipelines import filesystem, progress
from pipelines.ingest import match
from pipelines.ingest.types import File
from pipelines.loops import drum_loop, output
from pipelines.loops.config import CombineConfig
from pipelines.loops.report import LoopsReport, figures
from tutti.errors import Error, needing
from tutti.midi import SCORE

Path = str | os.PathLike[str]


def standardise(
    corpora: Path | Sequence[Path], out: Path, *, beam: Sequence[str] = (), progress: bool = False
) -> LoopsReport:
    """Moves drum loops to General MIDI notes on channel 10, and writes them under their names, with Apache Beam.

    A file's name, or else its folder's, says which drum it plays; what names none is a whole kit. The whole folder
    appears at once or, if anything fails, not at all.

    Args:
      corpora: MIDI files, folders with all below them, and globs; local or gs://.
      out: the folder to write: new, empty, or with an earlier result of the same request.
      beam: flags of Apache Beam and its runners.
      progress: whether to show on stderr how far the pipeline is.

    Returns:
      What was done. It is a path, that of the folder.

    Raises:
      Error: for whatever the user can mend: a missing path, no usable file, a full disk.
      pipelines.failures.ProgramError: if a reader has a mistake; names the file.
    """
    return _run(corpora, out, {"command": "standardise"}, None, beam, progress)


def combine(
    corpora: Path | Sequence[Path],
    out: Path,
    config: CombineConfig | None = None,
    *,
    beam: Sequence[str] = (),
    progress: bool = False,
) -> LoopsReport:
    """Combines loops of one drum each at random into new loops, with Apache Beam.

    Loops are standardised first. The originals of each drum are divided among the folders train, validation and test,
    and combined only with those of their split. The whole result appears at once or, if anything fails, not at all.

    Args:
      corpora: MIDI files, folders with all below them, and globs; local or gs://.
      out: the folder to write: new, empty, or with an earlier result of the same request.
      config: what loops to make.
      beam: flags of Apache Beam and its runners.
      progress: whether to show on stderr how far the pipeline is.

    Returns:
      What was done. It is a path, that of the folder.

    Raises:
      Error: for whatever the user can mend: a wrong setting, a missing path, a drum without loops, a full disk.
      pipelines.failures.ProgramError: if a reader has a mistake; names the file.
    """
    config = config or CombineConfig()
    request = dataclasses.asdict(config)
    split, drums = request.pop("fractions"), [drum_loop.NAMES[drum] for drum in request.pop("drums")]
    request = {"command": "combine", **request, "split": list(split), "drums": drums}
    return _run(corpora, out, request, config, beam, progress)


def _run(
    corpora: Path | Sequence[Path],
    out: Path,
    request: dict[str, Any],
    config: CombineConfig | None,
    beam: Sequence[str],
    shown: bool,
) -> LoopsReport:
    paths = [corpora] if isinstance(corpora, str | os.PathLike) else corpora
    files = named(match.find([os.fspath(path) for path in paths], SCORE))
    target = os.fspath(out)
    with filesystem.explained("write", target), output.staging(target, request) as folder:
        # Here, as importing Beam takes seconds, which a wrong setting should not.
        with needing("pipelines", "loops"):
            from pipelines import runners
            from pipelines.loops import pipeline

        progress_file = progress.file_in(folder)
        place = pipeline.Output(filesystem.join(folder, output.MADE), request, progress_file)

        def steps(beam_pipeline: Any, spread: bool) -> None:
            if config:
                pipeline.combine_files(beam_pipeline, files, config, place, spread)
            else:
                pipeline.standardise_files(beam_pipeline, files, place, spread)

        options = runners.options(beam)
        began = time.monotonic()
        with progress.shown(config.count if config else len(files), progress_file) if shown else nullcontext():
            runners.execute(steps, options, target)
        listed = json.loads(filesystem.read(filesystem.join(place.folder, output.SOURCES)))
        seconds = time.monotonic() - began
        if not listed["files"]:
            first = listed["left_out"][0]
            raise Error(f"none of the {len(files):,} files can be used; the first, {first['name']}: {first['reason']}")
    return LoopsReport(target, figures(target, listed, len(files), seconds))


def named(files: list[File]) -> list[File]:
    """Returns the files under names that tell their folders, from the deepest one that they share.

    Raises:
      Error: if two files would have one name.
    """
    levels = zip(*(file.path.split("/")[:-1] for file in files), strict=False)
    shared = [level[0] for level in takewhile(lambda level: len({*level}) == 1, levels)]
    start = len("/".join([*shared[:-1], ""]))
    # What does not end in .mid is MIDI all the same, once it is written.
    renamed = [
        file.path[start:] if file.path.lower().endswith(".mid") else f"{file.path[start:]}.mid" for file in files
    ]
    readable = [
        name.replace("://", "/").lstrip("/").encode(errors="surrogateescape").decode(errors="replace")
        for name in renamed
    ]
    twice = [name for name, count in Counter(readable).items() if count > 1 or ".." in name.split("/")]
    if twice:
        raise Error(f"{twice[0]} would be written twice, or outside --out; rename it, or leave it out")
    return [file._replace(name=name) for file, name in zip(files, readable, strict=True)]
