"""The entry of a training script."""

from torchalloy.adapters.trainframework.schedule.scheduler import BaseScheduler

__all__ = ["BaseScheduler"]
