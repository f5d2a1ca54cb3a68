"""Families of pipes: pieces of code that a config puts in order."""

from torchalloy.adapters.alchemy.pipeline._data import DataPipeline, ItrDataPipeline, LstDataPipeline
from torchalloy.adapters.alchemy.pipeline._families import (
    BeginEpochPipeline,
    BeginStepPipeline,
    EndEpochPipeline,
    EndStepPipeline,
    EvalPipeline,
    OutputPipeline,
    SchedPipeline,
)

__all__ = [
    "BeginEpochPipeline",
    "BeginStepPipeline",
    "DataPipeline",
    "EndEpochPipeline",
    "EndStepPipeline",
    "EvalPipeline",
    "ItrDataPipeline",
    "LstDataPipeline",
    "OutputPipeline",
    "SchedPipeline",
]
