"""What a run writes while it goes: metrics.jsonl, TensorBoard, the learning curve, and a progress bar."""

import math
import sys
import time
from contextlib import suppress

import tensorflow as tf
from tqdm import tqdm

from trainer.gfile import join, read_text, write_text, writing
from trainer.run.directory import CURVE, LOGS, METRICS
from trainer.run.learning_curve import draw_learning_curve
from trainer.run.metrics import Line, read_lines, step_of

SECONDS_BETWEEN_CURVES = 60.0


class Journal:
    """Writes the lines of a run. Those of later steps than `step` are forgotten: a restarted run writes them again.

    Args:
      unit: what the loss is counted by, "token" or "bit".
      progress: whether to show a bar on standard error.
    """

    def __init__(
        self, run: str, title: str, step: int, total: int, unit: str = "token", progress: bool = False
    ) -> None:
        self._metrics, self._curve, self._title, self._unit = join(run, METRICS), join(run, CURVE), title, unit
        lines = (read_text(self._metrics) or "").splitlines()
        write_text(self._metrics, "".join(line + "\n" for line in lines if step_of(line) <= step))
        with writing(join(run, LOGS)):
            self._board = tf.summary.create_file_writer(join(run, LOGS))
        self._bar = tqdm(
            total=total,
            initial=step,
            unit="step",
            file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
            dynamic_ncols=True,
            disable=not progress,
        )
        self._validation = math.inf
        self._drawn = time.monotonic()

    def advance(self, step: int, bits: float, tokens_per_second: float) -> None:
        """Moves the progress bar, if there is one."""
        validation = "" if math.isinf(self._validation) else f", validation {self._validation:.3f}"
        if self._bar.disable:
            return
        self._bar.set_postfix_str(
            f"{tokens_per_second:,.0f} {self._unit}s/s, bits {bits:.3f}{validation}", refresh=False
        )
        self._bar.update(step - self._bar.n)

    def write(self, line: Line) -> None:
        """Adds a line.

        Raises:
          Error: if it cannot be written.
        """
        with writing(self._metrics):
            with tf.io.gfile.GFile(self._metrics, "a") as file:
                file.write(line.to_json() + "\n")
            with self._board.as_default(step=line.step):
                _scalar("bits/train", line.train_bits)
                _scalar("learning_rate", line.learning_rate)
                _scalar("tokens_per_second", line.tokens_per_second)
                if line.validation_bits is not None:
                    _scalar("bits/validation", line.validation_bits)
            self._board.flush()
        if line.validation_bits is not None:
            self._validation = line.validation_bits
            if time.monotonic() - self._drawn > SECONDS_BETWEEN_CURVES:
                self.draw()

    def draw(self) -> None:
        """Draws the learning curve so far.

        Raises:
          Error: if it cannot be written.
        """
        self._drawn = time.monotonic()
        if lines := read_lines(self._metrics):
            draw_learning_curve(lines, self._title, self._curve, self._unit)

    def close(self) -> None:
        """Ends the bar and the log."""
        self._bar.close()
        with suppress(tf.errors.OpError):  # `write` has raised what could not be written
            self._board.close()


def _scalar(tag: str, value: float) -> None:
    """Writes what `tf.summary.scalar` does, which wants TensorBoard itself to be installed."""
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR"
    )
    tf.summary.write(tag, tf.constant(value, tf.float32), metadata=metadata)
