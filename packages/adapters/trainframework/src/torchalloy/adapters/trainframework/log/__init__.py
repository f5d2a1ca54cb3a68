"""What a training script says."""

from torchalloy.adapters.trainframework.log.logger import setup_logger

__all__ = ["setup_logger"]
