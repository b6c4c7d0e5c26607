from pathlib import Path

from serving.generation.prediction import predict
from serving.saved_model import load


def test_rows_may_have_labels_and_lengths_of_their_own(labelled: Path) -> None:
    model = load(labelled)
    alone = [predict(model, [[7]], steps=20 * row, seeds=[5], label=row)[0] for row in (1, 2)]
    assert predict(model, [[7]] * 2, steps=[20, 40], seeds=[5] * 2, label=[1, 2]) == alone
