from dataclasses import dataclass
from typing import NoReturn

from pipelines.ingest.encode import EncodeFiles
from pipelines.ingest.types import Batch, Content, Contents, IngestJob
from tests.pipelines.made import drum_file, piano_file
from tutti.encodings.base import Encoding
from tutti.encodings.drums import Drums
from tutti.score import Score


@dataclass(frozen=True)
class Stumbling(Drums):
    """An encoding with a bug that some files bring out."""

    def encode_ids(self, score: Score) -> NoReturn:
        raise ZeroDivisionError("in the\nencoder")


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


def test_any_exception_while_parsing_rejects_the_file() -> None:
    batch = encoded(Stumbling(), drum_file(1))
    assert [rejected.reason for rejected in batch.rejected] == ["cannot be parsed: ZeroDivisionError: in the encoder"]


def test_a_file_that_could_not_be_read_is_rejected() -> None:
    (batch,) = EncodeFiles(job(Drums())).process(Contents((Content("a.mid", None, "cannot be read: why"),)))
    assert [(rejected.id, rejected.reason) for rejected in batch.rejected] == [("", "cannot be read: why")]


def test_known_content_is_not_encoded_again() -> None:
    known = encoded(Drums(), drum_file(1)).files[0].id
    batch = encoded(Drums(), drum_file(2), drum_file(1), known=frozenset([known]))
    assert [file.name for file in batch.files] == ["0.mid"]
    assert batch.known == 1
