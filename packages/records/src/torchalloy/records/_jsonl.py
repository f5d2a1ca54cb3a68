"""Metrics as lines of JSON: the truth that a run's curves are drawn from.

A line is `{"stage":"train","step":50,"clock":"batches","values":{"loss":0.5},"time":1790000000.0}`, or, where a
resumed run went on from an earlier step, `{"rewind":{"batches":40}}`: what stands above it past that step is
superseded. Nothing is ever taken out of the file but a torn last line.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchalloy.core import Reading, RunError
from torchalloy.records._append import AppendFile
from torchalloy.records._json import read_number, to_line

__all__ = ["JsonlSink", "read_metrics"]


class JsonlSink:
    """Appends each reading to a file as it comes: one that was written survives `kill -9` at any later instant.

    Args:
        path: The file; a torn last line in it is cut off.
    Raises: OSError: when it can't be opened.
    """

    name = "jsonl"

    def __init__(self, path: Path) -> None:
        self._file = AppendFile(path)

    def write(self, reading: Reading, /) -> None:
        """Append one line. Raises OSError when the disk refuses; the file then ends before this reading."""
        said = {
            "stage": reading.stage,
            "step": reading.step,
            "clock": reading.clock,
            "values": dict(reading.values),
            "time": round(time.time(), 3),
        }
        self._file.write(to_line(said))

    def rewind(self, reached: Mapping[str, int], /) -> None:
        """Supersede readings past `reached` (last step that stays, by clock), unless nothing was written yet."""
        if not self._file.is_empty:
            self._file.write(to_line({"rewind": dict(reached)}))

    def close(self) -> None:
        """Sync to disk and close."""
        self._file.close()


def read_metrics(path: str | Path) -> list[Reading]:
    """Return the readings of a metrics file in the order they were written, without superseded ones.

    A last line that was torn off is passed over, as is everything while the run goes on writing.

    Raises: RunError: the file isn't there, or a line in the middle is damaged; says which.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file; the run kept no metrics (sink 'jsonl')") from error
    except OSError as error:
        raise RunError(f"{path}: can't be read: {error.strerror or error}") from error
    readings: list[Reading] = []
    for number, line in enumerate(lines, start=1):
        try:
            readings = _follow(readings, json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise RunError(f"{path}:{number}: damaged: not a line of metrics") from error
    return readings


def _follow(readings: list[Reading], said: Any) -> list[Reading]:
    if "rewind" in said:
        reached = {clock: int(step) for clock, step in said["rewind"].items()}
        return [reading for reading in readings if reading.step <= reached.get(reading.clock, reading.step)]
    values = {name: read_number(value) for name, value in said["values"].items()}
    readings.append(Reading(stage=str(said["stage"]), values=values, step=int(said["step"]), clock=str(said["clock"])))
    return readings
