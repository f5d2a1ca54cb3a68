"""A signal asks the run to stop where it can be resumed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torchalloy.core import Every, Handlers, State
from torchalloy.distributed import Ranks, agree_stop

__all__ = ["StopRequest"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)
RANKS_AGREE_EVERY = 10


class StopRequest:
    """Turns the first SIGTERM or SIGINT into a stop; a second SIGINT interrupts at once.

    One process stops after the step under way. Several ranks agree every 10 steps, so that all stop at the same one.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._reason: str | None = None
        self._state: State | None = None

    def handlers(self) -> Handlers:
        """Return the handlers by which ranks agree; none of them does anything in a single process's step."""
        agree = Every(RANKS_AGREE_EVERY, self._agree) if self._ranks.num_ranks > 1 else None
        return Handlers("signals", after_step=agree, epoch_end=self._epoch_end if agree else None)

    @contextmanager
    def watching(self, state: State) -> Iterator[None]:
        """Listen while the block runs; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._state = state
        before = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._reason = f"signal {signal.Signals(number).name}"
        if self._ranks.num_ranks == 1 and self._state is not None:
            self._state.stop = self._reason

    def _agree(self, state: State, _: Any) -> None:
        if agree_stop(self._reason is not None):
            state.stop = self._reason or "signal to another rank"

    def _epoch_end(self, state: State) -> None:
        self._agree(state, None)
