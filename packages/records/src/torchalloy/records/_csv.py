"""Metrics as a table for spreadsheets: one row a value, so that a new metric never changes the columns."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from torchalloy.core import Reading
from torchalloy.records._append import AppendFile
from torchalloy.records._atomic import write_atomically

__all__ = ["CsvSink"]

_COLUMNS = ("clock", "step", "stage", "name", "value")


class CsvSink:
    """Appends each value as a row `clock,step,stage,name,value`. Line breaks in names become spaces.

    Args:
        path: The file; a torn last row in it is cut off.
    Raises: OSError: when it can't be opened.
    """

    name = "csv"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = AppendFile(path)
        if self._file.is_empty:
            self._file.write(_rows([_COLUMNS]))

    def write(self, reading: Reading, /) -> None:
        """Append one row a value. Raises OSError when the disk refuses; the file then ends before this reading."""
        place = (_one_line(reading.clock), reading.step, _one_line(reading.stage))
        self._file.write(_rows((*place, _one_line(name), repr(value)) for name, value in reading.values.items()))

    def rewind(self, reached: Mapping[str, int], /) -> None:
        """Take out the rows past `reached`: the last step that stays, by clock."""
        self._file.close()
        with open(self._path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            head, *rows = csv.reader(file)
        kept = [row for row in rows if int(row[1]) <= reached.get(row[0], int(row[1]))]
        write_atomically(self._path, _rows([head, *kept]))
        self._file = AppendFile(self._path)

    def close(self) -> None:
        """Sync to disk and close."""
        self._file.close()


def _rows(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _one_line(name: str) -> str:
    return " ".join(name.splitlines())
