"""Log lines: a stage's progress and its summary, and where logging goes."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.xp import get_xp
from torchalloy.adapters.flashy.formatter import Formatter
from torchalloy.adapters.flashy.loggers import ExperimentLogger, LocalFSLogger, TensorboardLogger

__all__ = ["LogProgressBar", "ResultLogger", "bold", "colorize", "setup_logging"]

AnyPath = str | Path


def colorize(text: str, code: str) -> str:
    """Return `text` in the terminal style of ANSI code `code`."""
    return f"\033[{code}m{text}\033[0m"


def bold(text: str) -> str:
    """Return `text` in bold."""
    return colorize(text, "1")


def setup_logging(
    with_file_log: bool = True,
    folder: AnyPath | None = None,
    log_name: str = "solver.log.{rank}",
    level: int | str = logging.INFO,
) -> None:
    """Send the standard logging to standard error, and to a file in `folder` or the experiment's folder."""
    from torchalloy.adapters.flashy.distrib import rank

    root = logging.getLogger()
    root.handlers.clear()
    root.setLevel(level)
    console = logging.StreamHandler(sys.stderr)
    colors = (colorize("%(asctime)s", "36"), colorize("%(name)s", "34"), colorize("%(levelname)s", "32"))
    console.setFormatter(logging.Formatter("[{}][{}][{}] - %(message)s".format(*colors), "%m-%d %H:%M:%S"))
    root.addHandler(console)
    if with_file_log:
        path = Path(folder or get_xp().folder) / log_name.format(rank=rank())
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path)
        file.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s", "%m-%d %H:%M:%S"))
        root.addHandler(file)


class LogProgressBar:
    """Walks over an iterable and logs a line about `updates` times on the way.

    A line that is due is written at the next fetch, so that it shows the metrics given in the step it is due for.

    Args:
        logger: Where the lines go.
        iterable: What to walk over.
        updates: Lines in all, about; <= 0 for none.
        min_interval: Least steps between two lines.
        time_per_it: Say the time of a step rather than steps per second.
        total: Steps in all; the iterable's length if None.
        name: How the lines begin.
        level: Their logging level.
        delimiter: Between the parts of a line.
        items_delimiter: Between a metric's name and its value.
        formatter: Of the metrics.

    Raises: AssertionError: no total, and the iterable has no length.
    """

    def __init__(
        self,
        logger: logging.Logger,
        iterable: Iterable[Any],
        updates: int = 5,
        min_interval: int = 1,
        time_per_it: bool = False,
        total: int | None = None,
        name: str = "LogProgressBar",
        level: int = logging.INFO,
        delimiter: str = "|",
        items_delimiter: str = " ",
        formatter: Formatter | None = None,
    ) -> None:
        assert total is not None or hasattr(iterable, "__len__"), "give total: the iterable has no length"
        self._logger, self._iterable, self._name, self._level = logger, iterable, name, level
        self._total = total if total is not None else len(iterable)  # type: ignore[arg-type]
        self._every = max(min_interval, self._total // updates) if updates > 0 else 0
        self._time_per_it = time_per_it
        self._delimiter, self._items_delimiter = delimiter, items_delimiter
        self._formatter = formatter or Formatter()
        self._metrics: dict[str, Any] = {}
        self.listener: Callable[[Mapping[str, Any]], None] | None = None  # is told what each step measured
        self._index, self._is_due, self._began = -1, False, time.time()

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Any]:
        """Walk over the items; may be done again."""
        self._index, self._is_due, self._metrics, self._began = -1, False, {}, time.time()
        for item in self._iterable:
            self._say()
            self._index += 1
            self._is_due = bool(self._every and self._index >= 1 and self._index % self._every == 0)
            yield item
        self._say()

    def update(self, **metrics: Any) -> bool:
        """Say what the present step measured; return whether a line is due for it."""
        self._metrics = metrics  # made text when a line is due: no other step waits for the device
        if self.listener is not None:
            self.listener(metrics)
        return self._is_due

    def _say(self) -> None:
        if not self._is_due:
            return
        metrics = [f"{name}{self._items_delimiter}{value}" for name, value in self._formatter(self._metrics).items()]
        parts = [self._name, f"{self._index}/{self._total}", self._speed(), *metrics]
        self._logger.log(self._level, f" {self._delimiter} ".join(parts))

    def _speed(self) -> str:
        speed = (1 + self._index) / max(time.time() - self._began, 1e-9)
        if speed < 1e-4:
            return "oo sec/it"
        if self._time_per_it:
            return f"{1000 / speed:.1f} ms/it" if speed >= 1 else f"{1 / speed:.2f} sec/it"
        return f"{1 / speed:.1f} sec/it" if speed < 0.1 else f"{speed:.2f} it/sec"


class ResultLogger:
    """Writes a stage's summary as a log line and hands its metrics to the experiment loggers."""

    def __init__(self, logger: logging.Logger, level: int = logging.INFO, delimiter: str = "|") -> None:
        self._logger, self._level, self._delimiter = logger, level, delimiter
        self._experiment_loggers: dict[str, ExperimentLogger] = {"local": LocalFSLogger.from_xp()}

    def init_tensorboard(self, **kwargs: Any) -> None:
        """Add TensorBoard."""
        self._experiment_loggers["tensorboard"] = TensorboardLogger.from_xp(**kwargs)

    @property
    def has_tensorboard(self) -> bool:
        """Whether TensorBoard was asked for."""
        return "tensorboard" in self._experiment_loggers

    def get_log_progress_bar(
        self,
        stage: str,
        iterable: Iterable[Any],
        updates: int = 5,
        total: int | None = None,
        step: int | None = None,
        step_name: str | None = None,
        **kwargs: Any,
    ) -> LogProgressBar:
        """Return a progress bar titled with the stage and the step."""
        return LogProgressBar(
            self._logger,
            iterable,
            updates=updates,
            total=total,
            name=self._title(stage, step, step_name),
            level=self._level,
            delimiter=self._delimiter,
            **kwargs,
        )

    def log_metrics(
        self,
        stage: str,
        metrics: Mapping[str, Any],
        step: int | None = None,
        step_name: str = "epoch",
        formatter: Formatter | None = None,
    ) -> None:
        """Write the summary line, then hand the metrics to each logger."""
        self._log_summary(stage, metrics, step, step_name, formatter or Formatter())
        for logger in self._experiment_loggers.values():
            logger.log_metrics(stage, metrics, step)

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Hand hyper-parameters to each logger."""
        for logger in self._experiment_loggers.values():
            logger.log_hyperparams(params, metrics)

    def log_audio(
        self, stage: str, key: str, audio: Any, sample_rate: int, step: int | None = None, **kwargs: Any
    ) -> None:
        """Hand a sound to each logger."""
        for logger in self._experiment_loggers.values():
            logger.log_audio(stage, key, audio, sample_rate, step, **kwargs)

    def log_image(self, stage: str, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Hand an image to each logger."""
        for logger in self._experiment_loggers.values():
            logger.log_image(stage, key, image, step, **kwargs)

    def log_text(self, stage: str, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Hand a text to each logger."""
        for logger in self._experiment_loggers.values():
            logger.log_text(stage, key, text, step, **kwargs)

    def _log_summary(
        self,
        stage: str,
        metrics: Mapping[str, Any],
        step: int | None = None,
        step_name: str = "epoch",
        formatter: Formatter | None = None,
    ) -> None:
        shown = [f"{name}={value}" for name, value in (formatter or Formatter())(metrics).items()]
        parts = [self._title(f"{stage} summary", step, step_name), *shown]
        self._logger.log(self._level, bold(f" {self._delimiter} ".join(parts)))

    def _title(self, stage: str, step: int | None, step_name: str | None) -> str:
        words = " ".join(word.capitalize() for word in stage.split(" "))
        return words if step is None else f"{words} {self._delimiter} {(step_name or 'epoch').capitalize()} {step}"
