from pathlib import Path

import numpy as np
import pytest

from tests.pixels import coloured
from trainer.run.learning_curve import draw_learning_curve
from trainer.run.metrics import Line


@pytest.mark.parametrize("bits", [[4.0, 2.0, 1.5, 1.0], [1.0, 1.5, 2.0, 4.0]])
def test_a_curve_falls_and_rises_with_the_bits(bits: list[float], tmp_path: Path) -> None:
    lines = [Line(step, 1.0, loss, 1e-3, 0.0, 0.0) for step, loss in enumerate(bits)]
    draw_learning_curve(lines, "", str(tmp_path / "curve.png"))
    # The legend stands above the curve, whose rows count from the top.
    rows = [
        np.flatnonzero(column).max() for column in coloured((tmp_path / "curve.png").read_bytes()).T if column.any()
    ]
    assert np.sign(rows[len(rows) // 4] - rows[len(rows) * 3 // 4]) == np.sign(bits[-1] - bits[0])
