"""The one live line of a terminal. It is drawn a few times a second by a thread of rich's that looks at the state."""

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import IO, TYPE_CHECKING

from torchalloy.records._standing import View, as_clock

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Bar", "above_bar"]

_FRAMES_PER_S = 4
_holding = threading.Lock()  # held by the process's one bar
_shown: "Bar | None" = None


class Bar:
    """A live line on a terminal. There is one at a time: `take` gives None to whoever comes second.

    Args:
        stream: The terminal.
        look: Returns what to show; called by the drawing thread.
    """

    def __init__(self, stream: IO[str], look: Callable[[], View]) -> None:
        from rich.console import Console  # rich takes 30 ms, so only where there is something to draw on

        self._console = Console(file=stream)
        self._look = look
        self._live: Live | None = None

    @classmethod
    def take(cls, stream: IO[str], look: Callable[[], View]) -> "Bar | None":
        """Show a bar on `stream`, or return None where another one is up."""
        global _shown
        if not _holding.acquire(blocking=False):
            return None
        _shown = cls(stream, look)
        _shown.show()
        return _shown

    def show(self) -> None:
        """Put the line up; does nothing while it is up."""
        from rich.live import Live

        if self._live is None:
            self._live = Live(
                get_renderable=self._draw,
                console=self._console,
                refresh_per_second=_FRAMES_PER_S,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),  # what goes down a pipe must stay there
                redirect_stderr=sys.stderr.isatty(),
            )
            with _whatever_the_terminal_does():
                self._live.start()

    def hide(self) -> None:
        """Take the line away, leaving no trace of it."""
        if self._live is not None:
            live, self._live = self._live, None
            with _whatever_the_terminal_does():
                live.stop()

    def give_back(self) -> None:
        """Take the line away for good, so that another one may be shown."""
        global _shown
        self.hide()
        if _shown is self:
            _shown = None
            _holding.release()

    def say(self, text: str) -> None:
        """Write a line that stays, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def is_up(self) -> bool:
        """Whether the line can be seen now."""
        return self._live is not None

    def _draw(self) -> "RenderableType":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        view = self._look()
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True)
        line.add_column(overflow="ellipsis")  # the only column that a narrow terminal cuts
        bar = ProgressBar(total=view.total, completed=view.done, width=24) if view.total else Text("")
        steps = f"{view.done}/{view.total}" if view.total else str(view.done)
        rate = f"{view.rate:.0f} steps/s" if view.rate is not None else ""
        left = f"{as_clock(view.left_s)} left" if view.left_s is not None else ""
        rest = " · ".join(part for part in (view.metrics, rate, left, view.elsewhere) if part)
        line.add_row(Text(view.title, "bold"), bar, steps, Text(rest, no_wrap=True))
        return line


def _whatever_the_terminal_does() -> AbstractContextManager[None]:
    """Go on when the terminal was closed: nobody is looking any more, and training must not end for that."""
    return suppress(OSError, ValueError)


def above_bar(text: str) -> bool:
    """Write `text` above the process's live bar if one is up; return whether it was."""
    bar = _shown
    if bar is None or not bar.is_up:
        return False
    bar.say(text)
    return True
