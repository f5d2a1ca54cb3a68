"""The sinks of this package, for `sinks:` in a config."""

from collections.abc import Iterable
from pathlib import Path

from torchalloy.core import Sink, SinkFactory, hookimpl

__all__ = ["alloy_sinks"]


@hookimpl
def alloy_sinks() -> Iterable[SinkFactory]:
    """Offer `jsonl` (metrics.jsonl), `tensorboard` (tensorboard/) and `csv` (metrics.csv)."""
    return [SinkFactory("jsonl", _jsonl), SinkFactory("tensorboard", _tensorboard), SinkFactory("csv", _csv)]


def _jsonl(folder: Path) -> Sink:
    from torchalloy.records._jsonl import JsonlSink

    return JsonlSink(folder / "metrics.jsonl")


def _tensorboard(folder: Path) -> Sink:
    from torchalloy.records._tensorboard import TensorBoardSink

    return TensorBoardSink(folder / "tensorboard")


def _csv(folder: Path) -> Sink:
    from torchalloy.records._csv import CsvSink

    return CsvSink(folder / "metrics.csv")
