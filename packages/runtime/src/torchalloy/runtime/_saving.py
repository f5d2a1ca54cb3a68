"""When the run's parts go to disk."""

from collections.abc import Callable, Mapping
from typing import Any

from torchalloy.checkpoint import Store
from torchalloy.core import Drive, Every, Handlers, State, Stateful
from torchalloy.runtime._settings import Saving

__all__ = ["Saver"]


class Saver:
    """Writes checkpoints by a rhythm of steps and epochs, and once more where a run ends or stops.

    Checkpoints fall only where a run can go on: behind a counting step with all its handlers, or between epochs. All
    ranks call it, since some parts gather from all of them; the main one writes.
    """

    def __init__(
        self,
        store: Store | None,
        parts: Mapping[str, Stateful],
        when: Saving,
        meta: Callable[[], dict[str, Any]],
        asks: Callable[[State], bool] | None = None,
    ) -> None:
        self._store = store
        self._parts = parts
        self._when = when
        self._meta = meta
        self._asks = asks
        self._saved: tuple[int, int, str] | None = None
        self._drive: Drive | None = None

    def handlers(self) -> Handlers:
        """Return the handlers that save by the rhythm; linked last, so that a checkpoint holds what all others did."""
        steps = self._when.every_steps
        return Handlers(
            "checkpoint",
            run_start=self._start,
            after_step=Every(steps, self._after_step) if steps else None,
            epoch_end=self._epoch_end if self._when.every_epochs or self._asks else None,
        )

    def save_end(self, state: State) -> None:
        """Write a checkpoint of the run's end; a style that decides itself when to save had its say already."""
        if self._asks is None or state.stop is not None:
            self.save(state)

    def save(self, state: State) -> None:
        """Write a checkpoint of where the run is, unless that is on disk already."""
        position = (state.epoch, state.global_iteration, state.stage)
        if position == self._saved:
            return
        states = {name: part.state_dict() for name, part in self._parts.items()}
        if self._store is not None:
            meta = {"epoch": state.epoch, "iteration": state.global_iteration, "stage": state.stage, **self._meta()}
            self._store.save(
                {name: _Taken(taken) for name, taken in states.items()}, step=state.global_iteration, meta=meta
            )
        self._saved = position

    def _start(self, drive: Drive) -> None:
        self._drive = drive

    def _after_step(self, state: State, _: Any) -> None:
        if self._drive is not None and self._drive.counts:
            self.save(state)

    def _epoch_end(self, state: State) -> None:
        if self._asks(state) if self._asks else state.epoch % (self._when.every_epochs or 1) == 0:
            self.save(state)


class _Taken:
    """A state that was taken already."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def state_dict(self) -> Any:
        """Return the state."""
        return self._state

    def load_state_dict(self, state: Any, /) -> None:
        """Become another state."""
        self._state = state
