"""What a preset is."""

from dataclasses import dataclass, replace

from trainer.config import TrainingConfig
from trainer.models.settings import ModelSettings

# The dilations of the WaveNet paper: doubled up to 512, and then from the beginning again.
DOUBLING = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Preset:
    """What a preset's name fixes.

    Attributes:
      encoding: name of the encoding that its datasets have.
      window: input tokens in a window as the original has it. Other windows train as well.
      model, training: what is trained, and how.
    """

    encoding: str
    window: int
    model: ModelSettings
    training: TrainingConfig


def small(
    preset: Preset, model: ModelSettings, steps: int, learning_rate: float = 4e-3, batch_size: int = 16, window: int = 0
) -> Preset:
    """Returns a preset that two CPU cores train in some minutes."""
    training = TrainingConfig(
        optimizer="adam",
        learning_rate=learning_rate,
        warmup=20,
        decay="cosine",
        batch_size=batch_size,
        steps=steps,
        evaluate_every=max(steps // 8, 1),
        seed=preset.training.seed,
        carry=preset.training.carry,
    )
    return replace(preset, model=model, training=training, window=window or preset.window)
