"""Small real helpers for tests of anything that runs on the engine."""

from typing import Any

from torchalloy.core import Drive, Handlers, State

__all__ = ["Trace"]


class Trace:
    """Writes down every event of a run, in order, as tuples of the moment's name and where the run was."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def handlers(self) -> Handlers:
        """Return the handlers that write the trace."""
        return Handlers(
            "trace", self._run_start, self._epoch_start, self._stage_start, self._before_step, self._after_step,
            self._stage_end, self._epoch_end, self._run_end, self._error,
        )  # fmt: skip

    def _run_start(self, _: Drive) -> None:
        self.events.append(("run_start",))

    def _epoch_start(self, state: State) -> None:
        self.events.append(("epoch_start", state.epoch))

    def _stage_start(self, state: State) -> None:
        self.events.append(("stage_start", state.epoch, state.stage))

    def _before_step(self, state: State, _: Any) -> None:
        self.events.append(("before_step", state.stage, state.local_iteration, state.global_iteration))

    def _after_step(self, state: State, _: Any) -> None:
        self.events.append(("after_step", state.stage, state.local_iteration, state.global_iteration))

    def _stage_end(self, state: State) -> None:
        self.events.append(("stage_end", state.epoch, state.stage))

    def _epoch_end(self, state: State) -> None:
        self.events.append(("epoch_end", state.epoch))

    def _run_end(self, _: State) -> None:
        self.events.append(("run_end",))

    def _error(self, _: State, error: BaseException) -> None:
        self.events.append(("error", type(error).__name__))
