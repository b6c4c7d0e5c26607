"""Encoding: notes a second from a file's bytes to tokens, beside libraries that do the like, and beside parsing alone.

    python -m benchmarks.encoders [CORPUS] [--files 60] [--seconds 2] [--runs 5]

CORPUS is any folder of MIDI files, also TUTTI_BENCHMARK_CORPUS; without one, songs are composed. Each encoder and its
peers read the same files, a random choice of those that ours takes, and all have all notes of a file counted, whatever
they make of them. A peer that refuses some files is timed on the others, and the result says how many they are. Peers
that are no dependencies of Tutti are installed into an environment of their own.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import measure, peers
from tutti import midi
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json
from tutti.errors import RejectedFile
from tutti.practice import compose

LISTED = Path(__file__).with_name("peers.txt")
Files = list[tuple[str, int]]
"""Paths, and how many notes each has."""


@dataclass(frozen=True)
class Contestant:
    """One who does what an encoder does.

    Attributes:
      encoder: ours that it stands beside.
      name: for the table.
      package: what it is of.
      function: of `benchmarks.peers`.
      same: whether it writes the very tokens that ours does.
      limit: whether it does only a part of it, which ours cannot be faster than.
    """

    encoder: str
    name: str
    package: str
    function: str
    same: bool = False
    limit: bool = False


CONTESTANTS = (
    Contestant("drums", "drums: note-seq, quantized drum track", "note-seq", "note_seq_drums"),
    Contestant("drums", "drums: pretty_midi", "pretty-midi", "pretty_midi_drums"),
    Contestant("drums", "drums: mido loop", "mido", "mido_drums", same=True),
    Contestant("drums", "drums: symusic's parser alone", "symusic", "symusic_alone", limit=True),
    Contestant("notes", "notes: music21", "music21", "music21_notes"),
    Contestant("notes", "notes: symusic's parser alone", "symusic", "symusic_alone", limit=True),
    Contestant("melody", "melody: note-seq, quantized melody", "note-seq", "note_seq_melody"),
    Contestant("melody", "melody: pretty_midi", "pretty-midi", "pretty_midi_melody"),
    Contestant("melody", "melody: symusic's parser alone", "symusic", "symusic_alone", limit=True),
    Contestant("events", "events: mido loop", "mido", "mido_events", same=True),
    Contestant("events", "events: mido's parser alone", "mido", "mido_alone", limit=True),
    Contestant("miditok", "miditok: MidiTok by itself", "miditok", "miditok_tokens"),
    Contestant("miditok", "miditok: symusic's parser alone", "symusic", "symusic_alone", limit=True),
)
# `events` as its peer writes them, in a file's own ticks.
PARAMETERS: dict[str, dict[str, Any]] = {"events": {"division": 0}}


@dataclass(frozen=True)
class Reading:
    """How a peer fared: its version, the files it was given, the ones it made tokens of, and what it said of others."""

    version: str
    files: int
    encoded: int
    refusals: list[str]


class Worker:
    """A peer in a process of its own, which has read the files once."""

    def __init__(self, contestant: Contestant, python: str, files: Files) -> None:
        command = [python, str(Path(peers.__file__)), contestant.package, contestant.function]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        version = self._answer()["version"]
        tried = self._asked(files)
        self.tokens: list[int] = tried["tokens"]
        refusals = list(dict.fromkeys(tried["refusals"]))
        self.reading = Reading(version, len(files), sum(map(bool, self.tokens)), refusals[:3])

    def notes(self, seconds: float) -> float:
        return float(self._asked(seconds))

    def close(self) -> None:
        self.process.communicate()

    def _asked(self, question: Any) -> Any:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(question), file=self.process.stdin)
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with status {self.process.wait()}")
        return json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", metavar="CORPUS", default=os.environ.get("TUTTI_BENCHMARK_CORPUS"))
    parser.add_argument("--files", type=int, default=60, help="files for each encoder, at most (60)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of a run of one contestant, at least (2)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contestant (5)")
    parser.add_argument("--only", nargs="+", metavar="ENCODER", help="some of the encoders (all)")
    parser.add_argument("--peers", type=Path, default=Path("out/peers"), help="environment to make (out/peers)")
    args = parser.parse_args()
    unavailable = installed(args.peers)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(args.corpus or composed(folder, args.files))
        chosen = [name for name in dict.fromkeys(c.encoder for c in CONTESTANTS) if name in (args.only or [name])]
        rates, ratios, readings = {}, {}, {}
        for name in chosen:
            encoding = encoding_from_json({"name": name, **PARAMETERS.get(name, {})})
            files, lengths = taken(encoding, corpus, args.files)
            if not files:
                print(f"no file of {corpus} is one for --encoding {name}", file=sys.stderr)
                continue
            found = race(encoding, files, lengths, args, unavailable)
            rates.update(found[0])
            ratios.update(found[1])
            readings.update(found[2])
    measure.report("encoders", "notes/s", rates, ratios)
    stored = measure.RESULTS / "encoders.json"
    result = json.loads(stored.read_text())
    result["corpus"] = Path(args.corpus).name if args.corpus else "composed"
    result["peers"] = readings
    stored.write_text(json.dumps(result, indent=1) + "\n")
    print("\n| peer | version | files encoded | of |\n|---|---|---:|---:|")
    for name, reading in readings.items():
        said = (
            reading if isinstance(reading, str) else f"{reading['version']} | {reading['encoded']} | {reading['files']}"
        )
        print(f"| {name} | {said} |")


Raced = tuple[dict[str, list[float]], dict[str, float], dict[str, Any]]


def race(
    encoding: Encoding, files: Files, lengths: list[int], args: argparse.Namespace, unavailable: dict[str, str]
) -> Raced:
    """The rates of an encoder and its peers, our ratios to them, and how the peers fared.

    Args:
      encoding: ours.
      files: what all of them read.
      lengths: how many tokens ours makes of each file.
      args: of the command line.
      unavailable: packages that could not be installed, and why.
    """
    ours = f"tutti {encoding.name}"
    work: dict[str, measure.Work] = {ours: lambda: peers.turn(encoded(encoding), files, args.seconds)}
    readings: dict[str, Any] = {}
    workers: dict[str, Worker] = {}
    beside = [contestant for contestant in CONTESTANTS if contestant.encoder == encoding.name]
    for contestant in beside:
        own = contestant.package in packages()
        if own and contestant.package in unavailable:
            readings[contestant.name] = f"not measured: {unavailable[contestant.package]}"
            continue
        python = str((args.peers / "bin" / "python").absolute()) if own else sys.executable
        try:
            worker = Worker(contestant, python, files)
        except RuntimeError as error:
            readings[contestant.name] = f"not measured: {error}"
            continue
        if contestant.same and worker.tokens != lengths:
            raise AssertionError(
                f"{contestant.name} and ours differ in {sum(map(int.__ne__, worker.tokens, lengths))} files"
            )
        readings[contestant.name] = asdict(worker.reading)
        if worker.reading.encoded:
            workers[contestant.name] = worker
            work[contestant.name] = lambda worker=worker: worker.notes(args.seconds)  # type: ignore[misc]
    rates = measure.interleaved(work, args.runs)
    for worker in workers.values():
        worker.close()
    return rates, {f"us : {peer}": measure.ratio(rates[ours], rates[peer]) for peer in workers}, readings


def encoded(encoding: Encoding) -> peers.Encode:
    """From a path to tokens, songs one after another."""
    read, encode = encoding.read, encoding.encode
    return lambda path: [token for song in encode(read(Path(path).read_bytes())) for token in song]


def taken(encoding: Encoding, corpus: Path, most: int) -> tuple[Files, list[int]]:
    """A random choice of the files of a corpus that an encoding takes, and how many tokens each makes."""
    paths = sorted(path for path in corpus.rglob("*") if encoding.medium.named(path.name) and path.is_file())
    random.Random(0).shuffle(paths)
    files: Files = []
    lengths: list[int] = []
    for path in paths:
        if len(files) == most:
            break
        with contextlib.suppress(RejectedFile):
            tokens = len(encoded(encoding)(str(path)))
            files.append((str(path), sum(len(track.notes) for track in midi.read(path.read_bytes()).tracks)))
            lengths.append(tokens)
    return files, lengths


def composed(folder: str, songs: int) -> str:
    for kind in ("drums", "piano"):
        compose.write(Path(folder), [kind], songs, seed=1)
    return folder


def packages() -> dict[str, str]:
    """The peers that need an environment of their own: name -> what to install."""
    return {line.partition("==")[0]: line for line in LISTED.read_text().split()}


def installed(home: Path) -> dict[str, str]:
    """Makes the environment, unless it is there. Why a package cannot be had, by its name."""
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    unavailable = {}
    for name, wanted in packages().items():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
        ended = subprocess.run(pip, capture_output=True, text=True, check=False)
        if ended.returncode:
            lines = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            unavailable[name] = f"{wanted} cannot be installed on Python {sys.version.split()[0]}: {lines[-1][7:]}"
    return unavailable


if __name__ == "__main__":
    main()
