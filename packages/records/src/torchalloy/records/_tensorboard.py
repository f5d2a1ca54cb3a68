"""Metrics as TensorBoard scalars, through TensorBoard's own protocol buffers; neither torch nor TensorFlow is loaded.

TensorBoard's own `EventFileWriter` would load TensorFlow wherever it is installed, brings NumPy and 0.1 s of imports,
computes its checksums in Python, and loses up to two minutes at `kill -9`. A record is four fields, framed here:
length, checksum of the length, event, checksum of the event (TFRecord, tensorflow/core/lib/io/record_writer.h).
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torchalloy.core import Reading
from torchalloy.records._append import AppendFile
from torchalloy.records._process import host_name

__all__ = ["TensorBoardSink"]


class TensorBoardSink:
    """Writes scalars `stage/name` (float32, as TensorBoard has them); TensorBoard is imported at the first of them.

    Readings on the clock "batches" go to `folder` itself. Those on another clock go to a folder in it with the clock's
    name, which TensorBoard shows as a curve of its own: steps of two clocks on one axis would make one curve zigzag.
    """

    name = "tensorboard"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _EventFile] = {}
        self._reached: dict[str, int] = {}

    def write(self, reading: Reading, /) -> None:
        """Write one event with all values. Raises OSError when the disk refuses."""
        file = self._files.get(reading.clock) or self._open(reading.clock)
        file.add_scalars(reading)

    def rewind(self, reached: Mapping[str, int], /) -> None:
        """Make TensorBoard drop what lies past `reached` (last step that stays, by clock) when it reads on."""
        self._reached |= reached
        self.close()

    def close(self) -> None:
        """Sync to disk and close."""
        while self._files:
            self._files.popitem()[1].close()

    def _open(self, clock: str) -> "_EventFile":
        folder = self._folder if clock == "batches" else self._folder / clock
        has_earlier = folder.is_dir() and any("tfevents" in file.name for file in folder.iterdir())
        file = _EventFile(folder)
        if has_earlier and clock in self._reached:
            file.purge_from(self._reached[clock] + 1)
        self._files[clock] = file
        return file


class _EventFile:
    def __init__(self, folder: Path) -> None:
        from google_crc32c import value as crc32c
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # 30 ms, so not before there is a reading
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._crc32c: Callable[[bytes], int] = crc32c
        self._event: Callable[..., Any] = Event
        self._summary: Any = Summary
        self._session_start = SessionLog(status=SessionLog.START)
        self._file = AppendFile(folder / _file_name())
        self._add(file_version="brain.Event:2")

    def purge_from(self, step: int) -> None:
        self._add(step=step, session_log=self._session_start)

    def add_scalars(self, reading: Reading) -> None:
        value = self._summary.Value
        scalars = [value(tag=f"{reading.stage}/{name}", simple_value=number) for name, number in reading.values.items()]
        self._add(step=reading.step, summary=self._summary(value=scalars))

    def close(self) -> None:
        self._file.close()

    def _add(self, **content: Any) -> None:
        event = self._event(wall_time=time.time(), **content).SerializeToString()
        length = len(event).to_bytes(8, "little")
        self._file.write(length + self._checksum(length) + event + self._checksum(event))

    def _checksum(self, data: bytes) -> bytes:
        """Return the CRC-32C, rotated and shifted as TFRecord wants it so that checksums of checksums stay apart."""
        crc = self._crc32c(data)
        return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def _file_name() -> str:
    """Return a name that sorts by time, for TensorBoard reads a folder's files in the order of their names."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return f"events.out.tfevents.{seconds:010d}.{nanoseconds:09d}.{host_name()}.{os.getpid()}"
