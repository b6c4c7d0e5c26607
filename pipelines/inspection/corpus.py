"""What is in the MIDI files of a folder: the roles of their tracks, and what each encoding would take of them."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines import report
from pipelines.ingest.codec import codec_of
from pipelines.ingest.content import content
from pipelines.ingest.types import File
from pipelines.inspection.score import of_midi, unit_of
from tutti import roles
from tutti.encodings.base import Encoding
from tutti.errors import MissingPackage, RejectedFile
from tutti.midi import MAX_BYTES, read

REASONS_SHOWN = 3


@dataclass
class Taken:
    """What an encoding would take of some files.

    Attributes:
      unit: of its songs' lengths.
      files: those that give it songs.
      length: of their songs, in all.
      chosen_by: in how many of them the tracks were chosen by what.
      reasons: why others give it none, and how many.
    """

    unit: str
    files: int = 0
    length: int = 0
    chosen_by: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, encoding: Encoding, data: bytes) -> None:
        """Adds a file."""
        try:
            piece = encoding.read(data)
            self.length += sum(length for length, _ in codec_of(encoding).encode(piece))
            choice = encoding.choice(piece)
        except (RejectedFile, MissingPackage) as reason:
            self.reasons[str(reason)] += 1
            return
        self.files += 1
        if choice:
            self.chosen_by[choice.by] += 1

    def lines(self) -> Iterator[str]:
        """Yields what was found as text."""
        chosen = ", ".join(f"{n:,} by {by}" for by, n in self.chosen_by.most_common())
        yield f"{self.files:,} files, {self.length:,} {self.unit}" + f"; the tracks of {chosen}" * bool(chosen)
        for reason, n in self.reasons.most_common(REASONS_SHOWN):
            yield f"not {n:,}: {reason}"


@dataclass(frozen=True)
class CorpusInspection:
    """What is in the MIDI files of a folder.

    Attributes:
      path: the folder.
      files: how many.
      unreadable: those that are no MIDI, with the reasons.
      tracks: how many tracks of each role there are, and in how many files, by role.
      encodings: by an encoding's name, what it would take.
    """

    path: str
    files: int
    unreadable: dict[str, int]
    tracks: dict[str, tuple[int, int]]
    encodings: dict[str, Taken]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, as `tutti inspect --json` prints them."""
        return {**vars(self), "encodings": {name: vars(taken) for name, taken in self.encodings.items()}}

    def table(self) -> str:
        """Returns the figures as text, as `tutti inspect` prints them."""
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        taken = [(name, " ".join(taken.lines())) for name, taken in self.encodings.items()]
        return report.html_table(self._role_rows(), header=True) + report.html_table(taken)

    def _role_rows(self) -> report.Rows:
        return [("role", "tracks", "files"), *((role, f"{n:,}", f"{m:,}") for role, (n, m) in self.tracks.items())]

    def _lines(self) -> Iterator[str]:
        yield f"{self.path}: {self.files:,} MIDI files, {sum(self.unreadable.values()):,} that cannot be read"
        for reason, n in Counter(self.unreadable).most_common(REASONS_SHOWN):
            yield f"  {n:,}: {reason}"
        yield ""
        yield report.table(self._role_rows())
        yield ""
        yield "what each encoding takes; tutti inspect FILE shows the tracks of one:"
        width = max(map(len, self.encodings))
        for name, taken in self.encodings.items():
            for i, line in enumerate(taken.lines()):
                yield f"{'' if i else name:<{width}}  {line}"


def inspect_corpus(path: str, files: Sequence[File], progress: bool = False) -> CorpusInspection:
    """Returns what is in some MIDI files.

    Args:
      path: what to call them.
      files: read one after another.
      progress: whether to show on stderr how many are read, if that is a terminal.
    """
    known = of_midi()
    taken = {name: Taken(unit_of(encoding)) for name, encoding in known.items()}
    unreadable: Counter[str] = Counter()
    tracks: Counter[str] = Counter()
    with_role: Counter[str] = Counter()
    for count, file in enumerate(files, 1):
        if progress and sys.stderr.isatty():
            end = "\n" if count == len(files) else ""
            print(f"\r{count:,} of {len(files):,} files", end=end, file=sys.stderr, flush=True)
        try:
            data = content(file, MAX_BYTES)
            found = [role.name for role in roles.roles(read(data))]
        except RejectedFile as reason:
            unreadable[str(reason)] += 1
            continue
        tracks.update(found)
        with_role.update(set(found))
        for name, encoding in known.items():
            taken[name].add(encoding, data)
    by_role = {role: (tracks[role], with_role[role]) for role in roles.ROLES}
    return CorpusInspection(path, len(files), dict(unreadable), by_role, taken)
