"""Where an experiment's metrics, sounds, images and texts go, besides the log lines. Only rank 0 writes."""

from torchalloy.adapters.flashy.loggers.base import ExperimentLogger, flatten
from torchalloy.adapters.flashy.loggers.localfs import LocalFSLogger
from torchalloy.adapters.flashy.loggers.tensorboard import TensorboardLogger

__all__ = ["ExperimentLogger", "LocalFSLogger", "TensorboardLogger", "flatten"]
