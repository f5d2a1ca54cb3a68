"""Several sinks as one that never fails: a broken sink is reported once and training goes on."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torchalloy.core import Reading, Sink

__all__ = ["Rewindable", "Sinks"]

_log = logging.getLogger("torchalloy.records")


@runtime_checkable
class Rewindable(Protocol):
    """A sink that a resumed run can take back to where it goes on from."""

    def rewind(self, reached: Mapping[str, int], /) -> None:
        """Supersede what was written past `reached`: the last step that stays, by clock; other clocks stay whole."""
        ...


class Sinks:
    """Hands each reading to every sink. What one of them raises is logged the first time, and counted.

    A sink that failed is tried again at the next reading, so a disk that was full goes on when it has room.

    Args:
        sinks: In the order they are written.
        close_timeout_s: Seconds `close` waits for all of them together.
    """

    def __init__(self, sinks: Sequence[Sink], *, close_timeout_s: float = 5.0) -> None:
        self._sinks = tuple(sinks)
        self._close_timeout_s = close_timeout_s
        self._failures = [0] * len(self._sinks)

    def __enter__(self) -> "Sinks":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, reading: Reading, /) -> None:
        """Give `reading` to each sink."""
        for place, sink in enumerate(self._sinks):
            try:
                sink.write(reading)
            except Exception as error:
                self._report(place, "write", error)

    def rewind(self, reached: Mapping[str, int], /) -> None:
        """Rewind each sink that can; see `Rewindable`."""
        for place, sink in enumerate(self._sinks):
            if isinstance(sink, Rewindable):
                try:
                    sink.rewind(reached)
                except Exception as error:
                    self._report(place, "rewind", error)

    def close(self) -> None:
        """Close all sinks side by side; one that hangs is named and left behind."""
        deadline = time.monotonic() + self._close_timeout_s
        closing = [self._start_closing(place) for place in range(len(self._sinks))]
        for place, thread in enumerate(closing):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                name, limit_s = self._name(place), self._close_timeout_s
                _log.warning("sink %s: didn't close within %g s; going on without it", name, limit_s)
        for place, count in enumerate(self._failures):
            if count > 1:
                _log.warning("sink %s: failed %d times in all", self._name(place), count)

    def _start_closing(self, place: int) -> threading.Thread:
        thread = threading.Thread(target=self._close_one, args=(place, self._sinks[place].close), daemon=True)
        thread.start()
        return thread

    def _close_one(self, place: int, close: Callable[[], None]) -> None:
        try:
            close()
        except Exception as error:
            self._report(place, "close", error)

    def _report(self, place: int, moment: str, error: Exception) -> None:
        self._failures[place] += 1
        if self._failures[place] == 1:
            name, kind = self._name(place), type(error).__name__
            _log.warning("sink %s: %s failed (%s: %s); training goes on", name, moment, kind, error)

    def _name(self, place: int) -> str:
        return str(getattr(self._sinks[place], "name", type(self._sinks[place]).__name__))
