"""Ingestion end to end through Beam, beside a mido-only loop (the peer) and a loop without Beam (the limit).

    python -m benchmarks.ingest [--songs 4000] [--runs 5]

All three turn the same drum songs into the same words, cut them into windows of 256 and write TFRecords. The
peer, which is slow, does so for every twentieth file.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mido
from tfrecord.writer import TFRecordWriter

import tutti
from benchmarks import measure
from pipelines import records
from tutti import midi
from tutti.dataset.manifest import content_id
from tutti.encodings.drums import DRUMS, FOLDED, Drums
from tutti.practice import compose

WINDOW = 256
EVERY = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=4000, help="drum songs to compose (4000)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contestant (5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        compose.write(home / "corpus", ["drums"], args.songs, seed=1)
        files = sorted((home / "corpus").rglob("*.mid"))
        some = files[::EVERY]
        assert all(by_mido(path) == Drums().encode(midi.read(path.read_bytes()))[0] for path in some[:20])
        contestants: dict[str, measure.Work] = {
            "tutti ingest (Beam, in-process runner)": lambda: through_beam(files, home),
            "the same parser and writer in a bare loop": lambda: bare_loop(files, home / "bare.tfrecord"),
            "mido, words and tfrecord's writer in Python": lambda: mido_loop(some, home / "mido.tfrecord"),
        }
        ours, limit, peer = measure.interleaved(contestants, args.runs).items()
    measure.report(
        "ingest",
        "files/s",
        dict([ours, limit, peer]),
        {"us : mido-only loop": measure.ratio(ours[1], peer[1]), "us : bare loop": measure.ratio(ours[1], limit[1])},
    )


def through_beam(files: list[Path], home: Path) -> float:
    dataset = home / "dataset"
    shutil.rmtree(dataset, ignore_errors=True)
    tutti.ingest(home / "corpus", dataset, encoding="drums", window=WINDOW)
    return len(files)


def bare_loop(files: list[Path], out: Path) -> float:
    encoding = Drums()
    schema = encoding.schema(WINDOW, encoding.vocabulary())
    with out.open("wb") as shard:
        for path in files:
            for ids in encoding.encode_ids(midi.read(path.read_bytes())):
                song = content_id(ids.tobytes())
                for _, example in records.windows(schema, song, records.stored(ids), WINDOW):
                    shard.write(records.frame(example))
    return len(files)


def mido_loop(files: list[Path], out: Path) -> float:
    ids = {word: i for i, word in enumerate(Drums().vocabulary().tokens)}
    writer = TFRecordWriter(str(out))
    for path in files:
        stored = [ids["BOS"], *(ids[word] for word in by_mido(path)), ids["EOS"]]
        song = content_id(" ".join(map(str, stored)).encode())
        for start, tokens in windows(stored):
            padded = tokens + [0] * (WINDOW + 1 - len(tokens))
            writer.write(
                {
                    "tokens": (padded, "int"),
                    "length": (len(tokens), "int"),
                    "song": (song.encode(), "byte"),
                    "start": (start, "int"),
                    "label": (b"", "byte"),
                }
            )
    writer.close()
    return len(files)


def windows(stored: list[int]) -> Iterator[tuple[int, list[int]]]:
    for start in range(0, len(stored) - 1, WINDOW):
        yield start, stored[start : start + WINDOW + 1]


def by_mido(path: Path) -> list[str]:
    """The drum words of a file, read event by event as scripts around mido do."""
    file = mido.MidiFile(path)
    step = file.ticks_per_beat / 4
    hits: dict[int, set[int]] = {}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity and message.channel == 9:
                drum = FOLDED.get(message.note, message.note)
                if drum in DRUMS:
                    hits.setdefault(int((tick + step / 2) // step), set()).add(drum)
    words = []
    for at in range(-(-(max(hits) + 1) // 16) * 16):
        words.append("0b" + "".join("1" if drum in hits.get(at, ()) else "0" for drum in DRUMS))
        if at % 16 == 15:
            words.append("BAR")
    return words


if __name__ == "__main__":
    main()
