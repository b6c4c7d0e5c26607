"""How training ended, and where everything is."""

import math
import time
from dataclasses import dataclass

import tensorflow as tf

from trainer.gfile import join
from trainer.run import directory

REASONS = {
    "steps": "all steps done",
    "patience": "no gain any more on validation",
    "time": "time is up",
    "signal": "stopped by a signal",
}


@dataclass(frozen=True)
class TrainReport:
    """How training ended. Stands for the run's folder: it can be given wherever a run's path is wanted.

    Attributes:
      run: the run's folder.
      ended: why: "steps", "patience", "time", or "signal" for a `stop` that was set.
      step: updates so far.
      best_step, best_bits: the best validation, and what it measured; infinity where there was none.
      elapsed: seconds of training and validation so far, restarts included.
      measure: what was measured, in words.
      worker: number of this process among the workers; 0 is the one that has written the run.
    """

    run: str
    ended: str
    step: int
    best_step: int
    best_bits: float
    elapsed: float
    measure: str
    worker: int = 0

    @property
    def validated(self) -> bool:
        """Whether it came as far as a validation."""
        return math.isfinite(self.best_bits)

    @property
    def best(self) -> str:
        """The folder of the weights of the best validation."""
        return join(self.run, directory.BEST)

    @property
    def learning_curve(self) -> str:
        """The picture of the learning curve."""
        return join(self.run, directory.CURVE)

    @property
    def metrics(self) -> str:
        """The file with a line for each report and each validation."""
        return join(self.run, directory.METRICS)

    def __fspath__(self) -> str:
        return self.run

    def to_json(self) -> dict[str, object]:
        """Returns the figures and the paths."""
        return {
            "run": self.run,
            "best": self.best if self.validated else None,
            "learning_curve": self.learning_curve,
            "metrics": self.metrics,
            "ended": self.ended,
            "step": self.step,
            "best_step": self.best_step,
            "best_bits": round(self.best_bits, 6) if self.validated else None,
            "elapsed": round(self.elapsed, 3),
        }

    def table(self) -> str:
        """Returns how it went, in a line, and the paths."""
        spent = time.strftime("%H:%M:%S", time.gmtime(self.elapsed))
        best = f"best {self.best_bits:.3f} {self.measure} at step {self.best_step:,}"
        return (
            f"{REASONS[self.ended]} after {self.step:,} steps and {spent}; "
            f"{best if self.validated else 'no validation yet'}\n"
            f"  weights         {self.best if self.validated else 'none yet: the first validation decides on them'}\n"
            f"  learning curve  {self.learning_curve}\n"
            f"  metrics         {self.metrics}"
        )

    def _repr_png_(self) -> bytes | None:
        """Shows the learning curve in a notebook, if there is one."""
        try:
            with tf.io.gfile.GFile(self.learning_curve, "rb") as file:
                return bytes(file.read())
        except tf.errors.NotFoundError:
            return None
