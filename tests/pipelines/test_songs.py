from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pytest

from music import midi
from music.drums import Drums
from music.encoding import Encoding
from music.midi import Score
from music.notes import Notes
from music.vocabulary import Vocabulary
from pipelines.elements import Batch, Content, Contents, Song
from pipelines.songs import EncodeFiles, to_ids
from tests.pipelines.made import drum_file, piano_file


@dataclass(frozen=True)
class Stumbling(Drums):
    """An encoding with a bug that some files bring out."""

    def encode_ids(self, score: Score) -> NoReturn:
        raise ZeroDivisionError("in the\nencoder")


def encoded(encoding: Encoding, *files: bytes, known: frozenset[str] = frozenset()) -> Batch:
    contents = Contents(tuple(Content(f"{i}.mid", data) for i, data in enumerate(files)))
    (batch,) = EncodeFiles(encoding).process(contents, known)
    return batch


def test_a_bad_file_is_rejected_with_its_reason_and_stops_no_other() -> None:
    batch = encoded(Drums(), drum_file(1), b"", b"RIFFnonsense", drum_file(1)[:60], piano_file(1), drum_file(2))
    assert [file.name for file in batch.files] == ["0.mid", "5.mid"]
    assert [rejected.name for rejected in batch.rejected] == ["1.mid", "2.mid", "3.mid", "4.mid"]
    assert all(rejected.reason and len(rejected.reason.splitlines()) == 1 for rejected in batch.rejected)


def test_any_exception_while_parsing_rejects_the_file() -> None:
    batch = encoded(Stumbling(), drum_file(1))
    assert [rejected.reason for rejected in batch.rejected] == ["cannot be parsed: ZeroDivisionError: in the encoder"]


def test_a_file_that_could_not_be_read_is_rejected() -> None:
    (batch,) = EncodeFiles(Drums()).process(Contents((Content("a.mid", None, "cannot be read: why"),)))
    assert [(rejected.id, rejected.reason) for rejected in batch.rejected] == [("", "cannot be read: why")]


def test_known_content_is_not_encoded_again() -> None:
    known = encoded(Drums(), drum_file(1)).files[0].id
    batch = encoded(Drums(), drum_file(2), drum_file(1), known=frozenset([known]))
    assert [file.name for file in batch.files] == ["0.mid"]
    assert batch.known == 1


@pytest.mark.parametrize(("encoding", "file"), [(Drums(), drum_file(3)), (Notes(), piano_file(3))])
def test_ids_stand_for_the_encodings_tokens(encoding: Encoding, file: bytes) -> None:
    (tokens,) = encoding.encode(midi.read(file))
    ((song,),) = (one.songs for one in encoded(encoding, file).files)
    vocabulary = encoding.vocabulary() or Vocabulary.of(sorted(set(tokens)))
    assert vocabulary.words(to_ids(encoding, vocabulary)(song).tolist()) == tokens
    assert song.length == len(tokens)


def test_tokens_outside_the_vocabulary_become_their_nearest() -> None:
    ids = to_ids(Notes(), Vocabulary.of(["C4", "C5"]))(Song("", 3, b"C#4 C5 B4"))
    assert np.array_equal(ids, [3, 4, 4])
