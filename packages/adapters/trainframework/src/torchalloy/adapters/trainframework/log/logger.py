"""A logger that writes to the terminal and to the run's folder."""

import logging
import sys
from pathlib import Path

from termcolor import colored

__all__ = ["setup_logger"]

_LINE = "[%(asctime)s.%(msecs)03d] %(name)s %(levelname)s: %(message)s"
_DATE = "%m/%d %H:%M:%S"


def setup_logger(
    output: str | None = None, distributed_rank: int = 0, *, color: bool = True, name: str = "engine"
) -> logging.Logger:
    """Return the logger `name`, which speaks on rank 0's terminal and in a file. Calling it again adds nothing.

    Args:
        output: A file that ends in .txt or .log, or a folder that gets `log.txt`; None or "" for no file.
        distributed_rank: This process's number; the files of the others end in `.rank<number>`.
        color: Whether warnings and errors stand out on a terminal.
        name: The logger's name.
    """
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    if distributed_rank == 0 and not _has(logger, "terminal"):
        _add(logger, logging.StreamHandler(sys.stdout), "terminal", _Coloured(_LINE, _DATE) if color else _plain())
    if output:
        path = _file(output, distributed_rank)
        if not _has(logger, str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            _add(logger, logging.FileHandler(path), str(path), _plain())
    return logger


def _file(output: str, rank: int) -> Path:
    path = Path(output) if output.endswith((".txt", ".log")) else Path(output) / "log.txt"
    return path.resolve() if rank == 0 else Path(f"{path.resolve()}.rank{rank}")


def _has(logger: logging.Logger, name: str) -> bool:
    return any(handler.get_name() == name for handler in logger.handlers)


def _add(logger: logging.Logger, handler: logging.Handler, name: str, formatter: logging.Formatter) -> None:
    handler.set_name(name)
    handler.setFormatter(formatter)
    logger.addHandler(handler)


def _plain() -> logging.Formatter:
    return logging.Formatter(_LINE, _DATE)


class _Coloured(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.levelno >= logging.ERROR:
            return colored(line, "red", attrs=["underline"])
        return colored(line, "red") if record.levelno >= logging.WARNING else line
