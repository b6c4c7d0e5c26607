"""The learning curve as a picture."""

import io
from collections.abc import Sequence

from trainer.gfile import write_bytes
from trainer.run.metrics import Line

TRAIN, VALIDATION, GREY = "#8ab4d8", "#c8401c", "#666666"


def draw_learning_curve(lines: Sequence[Line], title: str, path: str, unit: str = "token") -> None:
    """Writes a PNG of training and validation bits per `unit` over the steps.

    Raises:
      Error: if it cannot be written.
    """
    # Half a second that a run which never ends does not need. A figure without pyplot belongs to no screen, so that a
    # thread may draw it and a notebook keeps its own.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.plot([line.step for line in lines], [line.train_bits for line in lines], color=TRAIN, label="train")
    checks = [line for line in lines if line.validation_bits is not None]
    if checks:
        bits = [line.validation_bits or 0.0 for line in checks]
        axes.plot([line.step for line in checks], bits, color=VALIDATION, marker="o", ms=3, label="validation")
        low = min(range(len(bits)), key=bits.__getitem__)
        axes.annotate(
            f"{bits[low]:.3f}",
            (checks[low].step, bits[low]),
            xytext=(0, -14),
            textcoords="offset points",
            ha="center",
            color=VALIDATION,
        )
    # The first steps start at log2 of the vocabulary and would press everything else flat.
    values = sorted(value for line in lines for value in (line.train_bits, line.validation_bits) if value is not None)
    if values:
        top = values[min(int(0.95 * len(values)), len(values) - 1)]
        axes.set_ylim(bottom=max(0.0, values[0] - 0.15 * (top - values[0]) - 0.02), top=top * 1.05 + 0.02)
    axes.set_xlabel("step")
    axes.set_ylabel(f"bits per {unit}")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_bytes(path, picture.getvalue())
