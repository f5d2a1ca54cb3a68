"""A file that only grows, by whole lines: what `kill -9` or a full disk tore off is cut before more is added."""

import os
from pathlib import Path

__all__ = ["AppendFile"]

_BLOCK_BYTES = 1 << 16


class AppendFile:
    """Appends to a file without a buffer of its own, so that whatever `write` took survives the death of the process.

    Args:
        path: Made, with its folders, if it isn't there. A last line without its line feed is cut off.
    Raises: OSError: when the file can't be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by close()
        self._size = self._end_of_last_line()
        self._torn = self._size != self._file.seek(0, os.SEEK_END)
        self._mend()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written yet."""
        return self._size == 0

    def write(self, data: bytes) -> None:
        """Append all of `data`, or nothing.

        Raises: OSError: the disk is full or broken; what was written of `data` is cut off, now or at the next write.
        """
        self._mend()
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._torn = True
            raise
        self._size += len(data)

    def close(self) -> None:
        """Sync to disk and close; again does nothing."""
        if not self._file.closed:
            self._mend()
            os.fsync(self._file.fileno())
            self._file.close()

    def _mend(self) -> None:
        if self._torn:
            self._file.truncate(self._size)
            self._torn = False

    def _end_of_last_line(self) -> int:
        end = self._file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0
