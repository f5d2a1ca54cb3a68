"""Keep what a run leaves behind: its folder, metrics, progress, log, and the catalogue of all runs."""

from torchalloy.records._bar import above_bar
from torchalloy.records._catalogue import RunInfo, catalogue, find_run
from torchalloy.records._csv import CsvSink
from torchalloy.records._environment import describe_environment
from torchalloy.records._folder import RunFolder
from torchalloy.records._jsonl import JsonlSink, read_metrics
from torchalloy.records._log import Log, open_log
from torchalloy.records._names import make_up_name
from torchalloy.records._progress import Progress
from torchalloy.records._record import RunRecord
from torchalloy.records._sinks import Rewindable, Sinks
from torchalloy.records._tensorboard import TensorBoardSink

__all__ = [
    "CsvSink",
    "JsonlSink",
    "Log",
    "Progress",
    "Rewindable",
    "RunFolder",
    "RunInfo",
    "RunRecord",
    "Sinks",
    "TensorBoardSink",
    "above_bar",
    "catalogue",
    "describe_environment",
    "find_run",
    "make_up_name",
    "open_log",
    "read_metrics",
]
