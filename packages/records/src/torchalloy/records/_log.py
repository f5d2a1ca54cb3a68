"""The log of a run: loguru writes the file, and the standard logging of libraries and user code is routed into it."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchalloy.core import RunError, did_you_mean
from torchalloy.records._bar import above_bar

if TYPE_CHECKING:
    from loguru import Message, Record

__all__ = ["Log", "open_log"]

_FILE_LINE = "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}:{line} | {message}"
_CONSOLE_LINE = "{level: <8} {message}"
_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")


class Log:
    """An open log file; a context manager.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, handlers: list[int], route: "_Route | None") -> None:
        self.path = path
        self._handlers = handlers
        self._route = route

    def close(self) -> None:
        """Close the file and put logging back as it was; again does nothing."""
        from loguru import logger

        while self._handlers:
            logger.remove(self._handlers.pop())
        if self._route is not None:
            self._route.leave()
            self._route = None

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_log(path: str | Path, *, rank: int = 0, level: str = "INFO") -> Log:
    """Open the log file of one process of a run.

    The file takes loguru's messages and those of the standard `logging`, from `level` on. The console goes on showing
    what it would without us, above the progress bar if one is up: loguru's messages (unless the user has set up
    loguru), and warnings of the standard `logging` (unless the user has set that up); on ranks other than 0 only
    warnings. Where the user has set up the standard `logging`, the root logger keeps their level, which the file
    then follows.

    Args:
        path: The file of rank 0; added to if it is there. Rank 2 writes `log.2.txt` beside `log.txt`.
        rank: This process's rank.
        level: A level of loguru's.

    Raises: RunError: the level is unknown, or the file can't be opened.
    """
    from loguru import logger  # 20 ms, so not before a run starts

    if level.upper() not in _LEVELS:
        raise RunError(f"log level {level!r}: {did_you_mean(level, _LEVELS)}")
    level = level.upper()
    path = Path(path)
    path = path if rank == 0 else path.with_suffix(f".{rank}{path.suffix}")
    try:
        handlers = [logger.add(path, level=level, format=_FILE_LINE, encoding="utf-8", backtrace=False, diagnose=False)]
    except OSError as error:
        raise RunError(f"{path}: can't be written: {error.strerror or error}") from error
    return Log(path, handlers, _Route.enter(level, quiet=rank != 0))


class _Route:
    """What is changed in the two logging systems while any log is open; logs that are open together share one."""

    _open: "_Route | None" = None
    _default_console = 0  # loguru's own handler, until we have put one back in its place

    def __init__(self, level: str, quiet: bool) -> None:
        from loguru import logger

        self._users = 1
        self._level_no = logger.level(level).no
        self._console_no = logging.WARNING if quiet else self._level_no
        self._root = logging.getLogger()
        self._ours = logging.getLogger("torchalloy")
        self._levels_before = (self._root.level, self._ours.level)
        self._was_set_up = bool(self._root.handlers)
        self._had_console = self._take_console()
        self._forward = _Forward()
        self._root.addHandler(self._forward)
        if not self._was_set_up:
            self._root.setLevel(self._level_no)
        self._ours.setLevel(self._level_no)
        self._console = logger.add(_to_console, level=0, format=_CONSOLE_LINE, filter=self._is_for_console)

    @classmethod
    def enter(cls, level: str, *, quiet: bool) -> "_Route":
        """Return the open route with one user more, or a new one."""
        if cls._open is None:
            cls._open = cls(level, quiet)
        else:
            cls._open._users += 1
        return cls._open

    def leave(self) -> None:
        """Put everything back after the last user."""
        from loguru import logger

        self._users -= 1
        if self._users:
            return
        _Route._open = None
        logger.remove(self._console)
        if self._had_console:
            _Route._default_console = logger.add(sys.stderr)
        self._root.removeHandler(self._forward)
        if not self._was_set_up:
            self._root.setLevel(self._levels_before[0])
        self._ours.setLevel(self._levels_before[1])

    def _take_console(self) -> bool:
        from loguru import logger

        try:
            logger.remove(_Route._default_console)
        except ValueError:  # the user has set up loguru
            return False
        return True

    def _is_for_console(self, record: "Record") -> bool:
        if "alloy_routed" in record["extra"]:
            return not self._was_set_up and record["level"].no >= max(logging.WARNING, self._console_no)
        return self._had_console and record["level"].no >= self._console_no


class _Forward(logging.Handler):
    """Hands a record of the standard logging to loguru, with the place it came from."""

    def emit(self, record: logging.LogRecord) -> None:
        from loguru import logger

        def place(message: Any) -> None:
            message.update(name=record.name, function=record.funcName, line=record.lineno)

        known = record.levelname in _LEVELS
        level: str | int = record.levelname if known else record.levelno
        try:
            text = record.getMessage()
        except Exception:  # a wrong format string: standard logging says so on stderr and goes on
            self.handleError(record)
            return
        logger.bind(alloy_routed=True).patch(place).opt(exception=record.exc_info).log(level, text)


def _to_console(message: "Message") -> None:
    text = str(message).rstrip("\n")
    if not above_bar(text):
        sys.stderr.write(text + os.linesep if os.name == "nt" else text + "\n")
