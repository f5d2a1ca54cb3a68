"""thexp's parts, each usable by itself, and the Trainer that puts them together."""

from torchalloy.adapters.thexp.frame import callbacks
from torchalloy.adapters.thexp.frame.databundler import DataBundler
from torchalloy.adapters.thexp.frame.experiment import Experiment, ExperimentViewer
from torchalloy.adapters.thexp.frame.logger import Logger
from torchalloy.adapters.thexp.frame.meter import AvgMeter, Meter
from torchalloy.adapters.thexp.frame.params import BaseParams, Params
from torchalloy.adapters.thexp.frame.rndmanager import RndManager
from torchalloy.adapters.thexp.frame.saver import Saver
from torchalloy.adapters.thexp.frame.trainer import BaseTrainer, Trainer

__all__ = [
    "AvgMeter",
    "BaseParams",
    "BaseTrainer",
    "DataBundler",
    "Experiment",
    "ExperimentViewer",
    "Logger",
    "Meter",
    "Params",
    "RndManager",
    "Saver",
    "Trainer",
    "callbacks",
]
