import errno
from pathlib import Path

import pytest
import tensorflow as tf

from trainer import gfile
from tutti.errors import Error


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        tf.errors.ResourceExhaustedError(None, None, "a/part-0; No space left on device"),
        tf.errors.UnknownError(None, None, "x; Disk quota exceeded"),
    ],
)
def test_a_full_disk_wants_room(failure: Exception) -> None:
    with (
        pytest.raises(Error, match=r"^cannot write runs/a: [\w ]+; make room there and give the same command"),
        gfile.writing("runs/a"),
    ):
        raise failure


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.EACCES, "Permission denied"),
        tf.errors.PermissionDeniedError(None, None, "runs/a.tmp; Permission denied"),
    ],
)
def test_what_is_not_a_full_disk_is_said_as_it_is(failure: Exception) -> None:
    with pytest.raises(Error, match=r"^cannot write runs/a: Permission denied$"), gfile.writing("runs/a"):
        raise failure


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    gfile.write_text(str(path), "old")

    def fail(*_: object, **__: object) -> None:
        raise tf.errors.PermissionDeniedError(None, None, "Permission denied")

    monkeypatch.setattr(tf.io.gfile, "rename", fail)
    with pytest.raises(Error, match="Permission denied"):
        gfile.write_text(str(path), "new")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
