"""Combine: loops of one drum each -> new loops, a kick, a snare and a hat at a time, drawn at random.

Loops that share an original are relatives: 500 made from 30 and then split at random have the same bars in
training and in validation. So the originals are divided among the splits first, and combined within a split.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod
from operator import attrgetter
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsSingleton

from pipelines.ingest.types import Content, Contents
from pipelines.loops import drum_loop
from pipelines.loops.config import CombineConfig
from pipelines.loops.standardise import Loop, Loops, standardised
from tutti import midi
from tutti.dataset.manifest import SPLITS, content_id
from tutti.errors import Error
from tutti.score import Score

# Combinations that are made and written together.
BUNDLE = 64


class Original(NamedTuple):
    """A loop to combine: the file it comes from, its drum, its standardised content, its label, its split."""

    name: str
    source: str
    drum: int
    data: bytes
    label: str
    split: str


class Draw(NamedTuple):
    """A file to make: its name, split, and the sources of its loops."""

    name: str
    split: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Draws:
    """Files that are made together."""

    files: tuple[Draw, ...]


@dataclass(frozen=True)
class Combinations:
    """The decisions over the whole corpus.

    Attributes:
      originals: by source id.
      draws: the files to make.
      left_out: files of the corpus that are in none, each with the reason.
      different: how many combinations each split allows.
      starved: splits that get nothing, as some drum has too few loops.
    """

    originals: dict[str, Original]
    draws: tuple[Draw, ...]
    left_out: tuple[Loop, ...]
    different: dict[str, int]
    starved: tuple[str, ...]


class Combine(beam.PTransform):
    """Contents of files -> contents of combined loops, named SPLIT/NUMBER.mid; of files left out, the reason."""

    def __init__(self, config: CombineConfig) -> None:
        super().__init__()
        self.config = config

    def expand(self, contents: Any) -> Any:
        plan = contents | "To General MIDI" >> beam.Map(standardised) | "Draw" >> Plan(self.config)
        made = plan | "Make" >> Make(self.config)
        return (made, plan | "Left out" >> beam.Map(left_out)) | beam.Flatten()


class Plan(beam.PTransform):
    """Loops -> one Combinations."""

    def __init__(self, config: CombineConfig) -> None:
        super().__init__()
        self.config = config

    def expand(self, found: Any) -> Any:
        return (
            found
            | "Together" >> beam.Map(lambda some: (0, some))
            | beam.GroupByKey()
            | "Plan" >> beam.Map(lambda keyed, config: combinations(keyed[1], config), self.config)
        )


class Make(beam.PTransform):
    """One Combinations -> the contents of the files it draws."""

    def __init__(self, config: CombineConfig) -> None:
        super().__init__()
        self.config = config

    def expand(self, plan: Any) -> Any:
        bundles = plan | "Bundles" >> beam.FlatMap(bundled) | beam.Reshuffle()
        return bundles | "Lay over one another" >> beam.ParDo(MakeFiles(self.config), AsSingleton(plan))


class MakeFiles(beam.DoFn):
    """Lays the loops of each draw over one another."""

    def __init__(self, config: CombineConfig) -> None:
        super().__init__()
        self.config = config

    def process(self, draws: Draws, plan: Combinations) -> Iterator[Contents]:
        scores: dict[str, Score] = {}
        made = []
        for draw in draws.files:
            for source in draw.sources:
                if source not in scores:
                    scores[source] = midi.read(plan.originals[source].data)
            try:
                loops = [scores[source] for source in draw.sources]
                score = drum_loop.combine(loops, self.config.bars, self.config.bpm)
            except ValueError as error:
                raise Error(f"{draw.name}: {error}") from None
            # What all of them are labelled with, it is.
            labels = {plan.originals[source].label for source in draw.sources}
            label = labels.pop() if len(labels) == 1 else ""
            made.append(Content(draw.name, midi.write(score), label=label, split=draw.split))
        yield Contents(tuple(made))


def bundled(plan: Combinations) -> Iterator[Draws]:
    """Yields the files to make, some at a time."""
    for start in range(0, len(plan.draws), BUNDLE):
        yield Draws(plan.draws[start : start + BUNDLE])


def left_out(plan: Combinations) -> Contents:
    """Returns the files that are in no combination, each with the reason."""
    return Contents(tuple(Content(loop.name, None, loop.reason) for loop in plan.left_out))


def combinations(found: Iterable[Loops], config: CombineConfig) -> Combinations:
    """Decides what to make of a corpus, the same for any order of its files.

    Raises:
      Error: if a drum has no loop.
    """
    # By content, so that a pack may be renamed.
    files = sorted((loop for some in found for loop in some.files), key=attrgetter("source", "name"))
    families: dict[int, dict[str, list[Loop]]] = {drum: {} for drum in config.drums}
    out, seen = [], set()
    for loop in files:
        if loop.data is None:
            out.append(loop)
        elif loop.drum not in families:
            what = "a whole kit" if loop.drum is None else f"a loop of the {drum_loop.NAMES[loop.drum]}"
            wanted = ", ".join(drum_loop.NAMES[drum] for drum in config.drums)
            out.append(loop._replace(data=None, reason=f"{what}; loops of one drum are combined: {wanted}"))
        else:
            music, family = kinship(loop.data)
            if (loop.drum, music) in seen:
                out.append(loop._replace(data=None, reason="the same hits as another loop of the corpus"))
            else:
                seen.add((loop.drum, music))
                families[loop.drum].setdefault(family, []).append(loop)
    if missing := [drum_loop.NAMES[drum] for drum, some in families.items() if not some]:
        raise Error(
            f"no loop of the {' and the '.join(missing)} among the {len(files):,} files; the name of a file or of its "
            "folder tells the drum"
        )
    splits = sharing(config, min(map(len, families.values())))
    originals = [
        Original(loop.name, loop.source, drum, loop.data or b"", loop.label, split)
        for drum, some in families.items()
        for split, members in divided(some, splits).items()
        for loop in members
    ]
    by_split = {
        split: [[one for one in originals if (one.drum, one.split) == (drum, split)] for drum in config.drums]
        for split in splits
    }
    counts = apportioned(config.count, list(splits.values()))
    return Combinations(
        originals={one.source: one for one in originals},
        draws=tuple(
            Draw(f"{split}/{number:06d}.mid", split, sources)
            for (split, drums), count in zip(by_split.items(), counts, strict=True)
            for number, sources in enumerate(drawn(drums, count, f"{config.seed}:{split}"), 1)
        ),
        left_out=tuple(sorted(out)),
        different={split: prod(map(len, drums)) for split, drums in by_split.items()},
        starved=tuple(split for split in SPLITS if share_of(split, config) and split not in splits),
    )


def kinship(data: bytes) -> tuple[str, str]:
    """Returns ids of a loop's hits, whatever its tempo, and of the bars it is made of, in whatever order."""
    score = midi.read(data)
    hits = midi.write(replace(score, tempos=((0, 120.0),), meters=((0, 4, 4),)))
    return content_id(hits), content_id(drum_loop.family(score))


def sharing(config: CombineConfig, originals: int) -> dict[str, float]:
    """Returns the splits that can have an original of each drum, the largest served first, with their shares of 1."""
    wanted = sorted((split for split in SPLITS if share_of(split, config)), key=lambda split: -share_of(split, config))
    served = {split: share_of(split, config) for split in SPLITS if split in wanted[:originals]}
    total = sum(served.values())
    return {split: share / total for split, share in served.items()}


def share_of(split: str, config: CombineConfig) -> float:
    """Returns the share of a split."""
    return config.fractions[SPLITS.index(split)]


def divided(families: dict[str, list[Loop]], splits: dict[str, float]) -> dict[str, list[Loop]]:
    """Divides one drum's loops among splits: families in order of a hash of their id, at least one to each split."""
    order = sorted(families, key=lambda family: hashlib.sha256(f"split:{family}".encode()).digest())
    counts = apportioned(len(order), list(splits.values()), least=1)
    parts, start = {}, 0
    for split, count in zip(splits, counts, strict=True):
        members = [loop for family in order[start : start + count] for loop in families[family]]
        parts[split] = sorted(members, key=attrgetter("source"))
        start += count
    return parts


def apportioned(count: int, shares: list[float], least: int = 0) -> list[int]:
    """Divides `count` things into whole numbers as near to their shares as can be, with at least so many to each."""
    counts = [max(least, int(count * share)) for share in shares]
    while (over := sum(counts) - count) != 0:
        # Rounded, as 0.1 * 30 is not 3 to the last bit, and ties go to the first.
        wants = [round(count * share - given, 9) for share, given in zip(shares, counts, strict=True)]
        if over < 0:
            counts[wants.index(max(wants))] += 1
        else:
            counts[wants.index(min(want for want, given in zip(wants, counts, strict=True) if given > least))] -= 1
    return counts


def drawn(drums: list[list[Original]], count: int, seed: str) -> Iterator[tuple[str, ...]]:
    """Yields the sources of `count` combinations at random, none twice before each has been drawn once.

    A shuffle of all combinations of which only the beginning is made: they may be millions.
    """
    # random() is the one method whose numbers Python promises to keep.
    rng = random.Random(seed)
    total = prod(map(len, drums))
    for begin in range(0, count, total):
        moved: dict[int, int] = {}
        for place in range(min(total, count - begin)):
            other = place + int(rng.random() * (total - place))
            number = moved.get(other, other)
            moved[other] = moved.pop(place, place)
            sources = []
            for originals in drums:
                number, one = divmod(number, len(originals))
                sources.append(originals[one].source)
            yield tuple(sources)
