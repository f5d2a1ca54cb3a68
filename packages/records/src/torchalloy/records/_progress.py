"""How far a run is: a live bar on a terminal, plain lines anywhere else."""

import os
import sys
import time
from typing import IO, Any

from torchalloy.core import Drive, Every, Handlers, Reading, State
from torchalloy.records._bar import Bar
from torchalloy.records._standing import Standing, View, as_clock

__all__ = ["Progress"]


class Progress:
    """Shows stage, loss, rate and time left. It is called once a window and at the ends of stages, never every step.

    Give `handlers()` to the recipe, and the object itself to `Sinks`, so that it learns the metrics. Only one bar is
    live in a process: a run inside a run gets lines above it. Nothing that the stream raises stops training.

    Args:
        stream: Where to; standard error if None.
        window: Steps between two looks while lines are written.
        line_every_s: Least seconds between two lines within a stage; each stage's end has one besides.
        live: Whether to draw a bar; None for: if `stream` is a terminal that can.
    """

    name = "progress"

    def __init__(
        self,
        stream: IO[str] | None = None,
        *,
        window: int = 50,
        line_every_s: float = 10.0,
        live: bool | None = None,
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._window = window
        self._line_every_s = line_every_s
        self._is_live = _can_draw(self._stream) if live is None else live
        self._last_line_s = time.monotonic()
        self._standing: Standing | None = None
        self._bar: Bar | None = None
        self._is_mute = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handlers(self) -> Handlers:
        """Return the handlers that keep it going."""
        return Handlers(
            "progress",
            run_start=self._run_start,
            epoch_start=self._epoch_start,
            stage_start=self._stage_start,
            after_step=Every(self._window, self._look),
            stage_end=self._stage_end,
            epoch_end=self._epoch_end,
            run_end=lambda _: self.close(),
            error=lambda _, __: self.close(),
        )

    def write(self, reading: Reading, /) -> None:
        """Take the newest metrics of a stage."""
        if self._standing is not None:
            self._standing.read(reading)

    def pause(self) -> None:
        """Leave the terminal to somebody else until `resume`."""
        if self._bar is not None:
            self._bar.hide()

    def resume(self) -> None:
        """Draw again after `pause`."""
        if self._bar is not None:
            self._bar.show()

    def close(self) -> None:
        """Take the bar away; again does nothing."""
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.give_back()

    def _run_start(self, drive: Drive) -> None:
        self._last_line_s = time.monotonic()
        self._standing = standing = Standing(drive.state, self._last_line_s)
        if self._is_live:
            self._bar = Bar.take(self._stream, lambda: _view(standing))

    def _epoch_start(self, _: State) -> None:
        if self._standing is not None:
            self._standing.epoch_started()

    def _stage_start(self, _: State) -> None:
        if self._standing is not None:
            self._standing.stage_started(time.monotonic())

    def _look(self, _: State, __: Any) -> None:
        if self._bar is not None or self._standing is None:  # the bar looks by itself
            return
        now_s = time.monotonic()
        self._standing.moved(now_s)
        if now_s - self._last_line_s >= self._line_every_s:
            self._say(_line(self._standing.view(now_s)), now_s)

    def _stage_end(self, _: State) -> None:
        if self._standing is None:
            return
        self._standing.stage_ended()
        if self._bar is None:
            now_s = time.monotonic()
            self._say(self._standing.stage_summary(now_s), now_s)

    def _epoch_end(self, _: State) -> None:
        if self._standing is not None:
            self._standing.epoch_ended()

    def _say(self, line: str, now_s: float) -> None:
        self._last_line_s = now_s
        if self._is_mute:
            return
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):  # the reader of the pipe has gone, or the stream was closed: nobody is listening
            self._is_mute = True


def _can_draw(stream: IO[str]) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb").lower() not in ("dumb", "unknown", "")


def _view(standing: Standing) -> View:
    now_s = time.monotonic()
    standing.moved(now_s)
    return standing.view(now_s)


def _line(view: View) -> str:
    steps = f"{view.done}/{view.total}" if view.total else f"step {view.done}"
    rate = f"{view.rate:.0f} steps/s" if view.rate is not None else ""
    left = f"{as_clock(view.left_s)} left" if view.left_s is not None else ""
    rest = ", ".join(part for part in (view.metrics, rate, left) if part)
    return f"{view.title} {steps}: {rest}"
