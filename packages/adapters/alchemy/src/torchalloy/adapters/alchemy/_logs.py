"""loguru's sinks: one on the console, one in the record folder, and none left over after a run."""

import sys
from collections.abc import Callable
from pathlib import Path

from loguru import logger
from rich.console import Console
from rich.text import Text

__all__ = ["open_console_log", "open_file_log"]

_files: dict[Path, tuple[int, str]] = {}


def open_console_log(console: Console, tag: str, level: str) -> Callable[[], None]:
    """Send log lines to `console` and to nothing else but the files of `open_file_log`; return what undoes it."""

    def write(message: str) -> None:
        line = Text(f"[{tag}] ", style="bold")  # as text, so that nothing in tag or message is read as markup
        line.append(message.rstrip("\n"), style="not bold")
        console.print(line, highlight=False, soft_wrap=True)

    logger.remove()
    for path, (_, file_level) in list(_files.items()):
        _files[path] = (_add_file(path, file_level), file_level)
    sink = logger.add(write, level=level, format="{time:HH:mm:ss} {level} {message}")

    def undo() -> None:
        _remove(sink)
        logger.add(sys.stderr)  # as loguru starts

    return undo


def open_file_log(path: Path, level: str) -> Callable[[], None]:
    """Append log lines to the file `path`; return what ends it."""
    _files[path] = (_add_file(path, level), level)

    def undo() -> None:
        sink, _ = _files.pop(path)
        _remove(sink)

    return undo


def _add_file(path: Path, level: str) -> int:
    return logger.add(path, level=level, encoding="utf-8")


def _remove(sink: int) -> None:
    try:
        logger.remove(sink)
    except ValueError:
        return  # the user's code removed all sinks
