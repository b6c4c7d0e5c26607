import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

import tutti
from pipelines.failures import ProgramError
from pipelines.ingest.encode import EncodeFiles
from pipelines.ingest.types import Batch, Content, Contents, IngestJob
from tests.pipelines.made import drum_corpus, drum_file, piano_file
from tutti.encodings.base import Encoding
from tutti.encodings.drums import Drums
from tutti.errors import Error
from tutti.score import Score


@dataclass(frozen=True)
class Stumbling(Drums):
    """An encoding with a mistake that some files bring out."""

    def encode_ids(self, score: Score) -> NoReturn:
        raise AttributeError("in the\nencoder")


@dataclass(frozen=True)
class Greedy(Drums):
    """An encoding that wants more memory than there is."""

    def encode_ids(self, score: Score) -> NoReturn:
        raise MemoryError


def job(encoding: Encoding) -> IngestJob:
    return IngestJob("data", "data/.ingest", 1, encoding, 256, 256, (0.8, 0.1, 0.1))


def encoded(encoding: Encoding, *files: bytes, known: frozenset[str] = frozenset()) -> Batch:
    contents = Contents(tuple(Content(f"{i}.mid", data) for i, data in enumerate(files)))
    (batch,) = EncodeFiles(job(encoding)).process(contents, known)
    return batch


def test_a_bad_file_is_rejected_with_its_reason_and_stops_no_other() -> None:
    batch = encoded(Drums(), drum_file(1), b"", b"RIFFnonsense", drum_file(1)[:60], piano_file(1), drum_file(2))
    assert [file.name for file in batch.files] == ["0.mid", "5.mid"]
    assert [rejected.name for rejected in batch.rejected] == ["1.mid", "2.mid", "3.mid", "4.mid"]
    assert all(rejected.reason and len(rejected.reason.splitlines()) == 1 for rejected in batch.rejected)


@pytest.mark.parametrize("flags", [(), ("--direct_running_mode=multi_processing",)])
@pytest.mark.parametrize(
    ("encoding", "raised", "text"),
    [
        (Stumbling(), ProgramError, "corpus/00.mid: AttributeError: in the encoder"),
        (Greedy(), Error, "memory ran out at corpus/00.mid; give fewer --direct_num_workers, or leave it out"),
    ],
)
def test_a_mistake_in_an_encoding_ends_the_run_with_the_name_of_the_file(
    tmp_path: Path, encoding: Encoding, raised: type[Exception], text: str, flags: tuple[str, ...]
) -> None:
    with pytest.raises(raised, match=f"^{re.escape(text)}$"):
        tutti.ingest(drum_corpus(tmp_path / "corpus", [0]), tmp_path / "data", encoding=encoding, beam=flags)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_file_that_could_not_be_read_is_rejected() -> None:
    (batch,) = EncodeFiles(job(Drums())).process(Contents((Content("a.mid", None, "cannot be read: why"),)))
    assert [(rejected.id, rejected.reason) for rejected in batch.rejected] == [("", "cannot be read: why")]


def test_known_content_is_not_encoded_again() -> None:
    known = encoded(Drums(), drum_file(1)).files[0].id
    batch = encoded(Drums(), drum_file(2), drum_file(1), known=frozenset([known]))
    assert [file.name for file in batch.files] == ["0.mid"]
    assert batch.known == 1
