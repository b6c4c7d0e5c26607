"""The message of records beside TensorFlow, tfrecord and Beam, each order in a process of its own."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import tutti
from pipelines import example
from tests.pipelines.made import drum_corpus

INSPECT = "import tutti; print(tutti.inspect(sys.argv[1]).to_json()['words'])"
PARSE = """
import tensorflow as tf
for name in tf.io.gfile.glob(sys.argv[1] + '/train/*.tfrecord'):
    for record in tf.data.TFRecordDataset(name).take(1):
        print(tf.train.Example.FromString(record.numpy()).features.feature['length'].int64_list.value[0])
"""
TFRECORD = "import tfrecord; from tfrecord.example_pb2 import Example; print(len(Example().SerializeToString()))"
BEAM = "import apache_beam"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("example")
    return Path(tutti.ingest(drum_corpus(home / "corpus", range(3)), home / "data", split=(1, 0, 0)))


@pytest.mark.parametrize(
    "steps",
    [
        (INSPECT, PARSE),
        (PARSE, INSPECT),
        (BEAM, INSPECT, PARSE),
        (PARSE, BEAM, INSPECT),
        (TFRECORD, INSPECT),
        (INSPECT, TFRECORD),
        (BEAM, INSPECT, TFRECORD),
    ],
)
def test_a_dataset_is_inspected_beside_tensorflow_and_tfrecord_in_any_order(data: Path, steps: tuple[str, ...]) -> None:
    if PARSE in steps and not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    code = "\n".join(["import sys", *steps])
    done = subprocess.run([sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(tutti.inspect(data).to_json()["words"]) in done.stdout.split()


def test_reading_records_leaves_nothing_for_others_to_find(data: Path) -> None:
    code = (
        f"import sys; {INSPECT}; from google.protobuf import descriptor_pool;"
        "print([name for name in sys.modules if 'tfrecord' in name]);"
        "descriptor_pool.Default().FindMessageTypeByName('tensorflow.Example')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[1:] == ["[]"]
    assert "KeyError" in done.stderr


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(example.NotAnExample):
        example.parse(b"no message")
