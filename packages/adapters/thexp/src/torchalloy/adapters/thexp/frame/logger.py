"""Lines for people: on standard output, and in a file for each directory asked for."""

from __future__ import annotations

import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

__all__ = ["LogPath", "Logger"]

DEBUG, INFO, WARN, ERROR, FATAL = -1, 0, 1, 2, 3

Listener = Callable[[str, str, int], None]


class LogPath(str):
    """The path of a log file; false where its directory had one already."""

    is_new = True

    def __bool__(self) -> bool:
        return self.is_new


class Logger:
    """The process's one logger: constructing another gives the first.

    Args:
        adddate: Begin each line with the date.
        datefmt: Of the date, as `time.strftime` takes it.
        sep: Between the pieces of a line.
        stdout: Whether to print at all.
    """

    VERBOSE = INFO

    _one: Logger | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Logger:
        if Logger._one is None:
            Logger._one = super().__new__(cls)
            Logger._one._begin(*args, **kwargs)
        elif args or kwargs:
            warnings.warn(
                "there is a Logger already, and these arguments don't change it; Logger.reset() begins anew",
                stacklevel=2,
            )
        return Logger._one

    @classmethod
    def reset(cls) -> None:
        """Close the files and forget the logger; the next construction makes a new one."""
        if Logger._one is not None:
            Logger._one._close()
        Logger._one = None

    def info(self, *values: Any, prefix: str = "") -> None:
        """Log a line."""
        self._line(INFO, prefix, *values)

    def debug(self, *values: Any, prefix: str = "") -> None:
        """Log a line for debugging; not printed unless `VERBOSE` is lowered."""
        self._line(DEBUG, prefix, "DEBUG", *values)

    def warn(self, *values: Any, prefix: str = "") -> None:
        """Log a warning."""
        self._line(WARN, prefix, "WARN", *values)

    def error(self, *values: Any, prefix: str = "") -> None:
        """Log an error."""
        self._line(ERROR, prefix, "ERROR", *values)

    def fatal(self, *values: Any, prefix: str = "") -> None:
        """Log what ends the program."""
        self._line(FATAL, prefix, "FATAL", *values)

    def inline(self, *values: Any, prefix: str = "", fix: int = 0) -> None:
        """Show a line that the next one overwrites, cut to the terminal's width; `fix` is kept for thexp's callers."""
        self._say(self._text(prefix, values), "", INFO)

    def newline(self) -> None:
        """Print an empty line."""
        self._say("", "\n", INFO)

    def add_log_dir(self, path: str | Path) -> LogPath:
        """Write all later lines to a new file in `path` too; return the file's path.

        A directory that has a file already gets no second one, and what is returned is false.
        """
        folder = Path(path).resolve()
        if folder in self._files:
            self.info(f"logs go to {folder} already", prefix="add_log_dir")
            return self._repeated(self._files[folder][0])
        folder.mkdir(parents=True, exist_ok=True)
        stamp, number = time.strftime("%y%m%d%H%M%S"), 0
        while (file := folder / f"{stamp}.{number}.log").exists():
            number += 1
        self._files[folder] = (str(file), file.open("a", encoding="utf-8", buffering=1))
        self._print(f"log to {file}", "\n")
        return LogPath(file)

    def remove_log_dir(self, path: str | Path) -> None:
        """Write no more to the file in `path`."""
        found = self._files.pop(Path(path).resolve(), None)
        if found is not None:
            found[1].close()

    def add_log_listener(self, listener: Listener) -> None:
        """Call `listener(text, end, level)` for every message, also those that aren't printed."""
        self._listeners.append(listener)

    def set_verbose(self, level: int) -> None:
        """Print messages from `level` on: -1 debug, 0 info, 1 warn, 2 error, 3 fatal."""
        Logger.VERBOSE = level

    def enbale_stdout(self, flag: bool) -> None:
        """Print, or don't."""
        self.stdout = flag

    toggle_stdout = trig_stdout = enbale_stdout

    def _begin(
        self, adddate: bool = True, datefmt: str = "%y-%m-%d %H:%M:%S", sep: str = " - ", stdout: bool = True
    ) -> None:
        self.adddate, self.datefmt, self.sep, self.stdout = adddate, datefmt, sep, stdout
        self._files: dict[Path, tuple[str, TextIO]] = {}
        self._listeners: list[Listener] = []
        self._shown_inline = ""

    def _close(self) -> None:
        self._keep_inline()
        for _, file in self._files.values():
            file.close()
        self._files.clear()

    def _line(self, level: int, prefix: str, *values: Any) -> None:
        self._say(self._text(prefix, values), "\n", level)

    def _text(self, prefix: str, values: tuple[Any, ...]) -> str:
        date = time.strftime(self.datefmt) if self.adddate else ""
        pieces = [str(piece) for piece in (date, prefix, *values)]
        return self.sep.join(piece for piece in pieces if piece.strip())

    def _say(self, text: str, end: str, level: int) -> None:
        for listener in self._listeners:
            listener(text, end, level)
        if level < self.VERBOSE:
            return
        if end:
            self._keep_inline()
            self._write(text)
            self._print(text, end)
        else:
            self._shown_inline = text
            self._print(f"\r{_cut(text)}", "")

    def _keep_inline(self) -> None:
        """Let the last line that was to be overwritten stay."""
        if self._shown_inline:
            text, self._shown_inline = self._shown_inline, ""
            self._write(" ".join(text.split("\n")).strip())
            self._print(f"\r{text}", "\n")

    def _write(self, text: str) -> None:
        for _, file in self._files.values():
            file.write(f"{text}\n")

    def _print(self, text: str, end: str) -> None:
        if self.stdout:
            print(text, end=end, flush=True)

    def _repeated(self, file: str) -> LogPath:
        path = LogPath(file)
        path.is_new = False
        return path


def _cut(text: str) -> str:
    width = shutil.get_terminal_size((0, 0)).columns if sys.stdout.isatty() else 0
    text = text.replace("\n", " ")
    return text if not width or len(text) < width else f"{text[: max(width - 4, 0)]}..."
