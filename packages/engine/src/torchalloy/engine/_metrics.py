"""Running means of what steps return, read back once a window so that no step waits for the device."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torchalloy.core import Drive, Every, Handlers, Mean, OwnedRun, Reading, Recipe, RecipeError, State

__all__ = ["Metrics"]

Read = Callable[[Sequence[Any]], list[float]]
Publish = Callable[[Reading], None]


class Metrics:
    """Keeps what steps return, and tells readers the means of each window and each stage.

    Args:
        publish: Called with one reading a window, and one at a stage's end.
        window: Steps in a window; >= 1.
        every_step: True to publish each step's own values (read back once a window all the same).
        read: Turns many scalars into floats with one device read; the default suits plain numbers.
        reduce: Sums (total, count) pairs over ranks at a stage's end; the default is one process.

    The means are exact: `Mean` values add up totals and counts, plain scalars count once each. A `Stateful` part, so
    a run resumed inside a window or a stage publishes what the uninterrupted one would have.
    """

    def __init__(
        self,
        publish: Publish,
        *,
        window: int = 50,
        every_step: bool = False,
        read: Read | None = None,
        reduce: Callable[[list[tuple[float, float]]], list[tuple[float, float]]] | None = None,
    ) -> None:
        self._publish = publish
        self._size = window
        self._every_step = every_step
        self._read = read or _floats
        self._reduce = reduce or (lambda means: means)
        self._measures: dict[str, Callable[[Any], Mapping[str, Any]]] = {}
        self._pending: list[Any] = []
        self._window: dict[str, list[float]] = {}
        self._stage: dict[str, list[float]] = {}
        self._outer: list[tuple[list[Any], dict[str, list[float]], dict[str, list[float]]]] = []
        self._depth = 0
        self._drive: Drive | None = None

    def handlers(self, recipe: Recipe) -> Handlers:
        """Return the handlers that keep the metrics of `recipe`."""
        if not isinstance(recipe.work, OwnedRun):
            self._measures = {stage.name: stage.measure for stage in recipe.work if stage.measure is not None}
        return Handlers(
            "metrics", run_start=self.attach, stage_start=self._stage_start,
            after_step=self._keep_measured if self._measures else self._keep, stage_end=self._stage_end,
        )  # fmt: skip

    def window_handlers(self) -> Handlers:
        """Return the handler that reads a window back; linked after `handlers`."""
        return Handlers("metrics", after_step=Every(self._size, self._end_window))

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the window and stage under way."""
        self._fold()
        return {
            "window": {k: list(v) for k, v in self._window.items()},
            "stage": {k: list(v) for k, v in self._stage.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over sums from `state_dict()`."""
        self._pending.clear()
        self._window = {k: list(v) for k, v in state["window"].items()}
        self._stage = {k: list(v) for k, v in state["stage"].items()}

    def attach(self, drive: Drive) -> None:
        """Follow `drive`; a run's start does it, and so does whoever drives stages without a run."""
        self._drive = drive
        self._outer.clear()
        self._depth = 1 if drive.state.stage else 0

    def _stage_start(self, _: State) -> None:
        if self._depth:
            self._outer.append((self._pending, self._window, self._stage))
        self._depth += 1
        self._pending, self._window, self._stage = [], {}, {}

    def _keep(self, _: State, output: Any) -> None:
        self._pending.append(output)

    def _keep_measured(self, state: State, output: Any) -> None:
        measure = self._measures.get(state.stage)
        self._pending.append(output if measure is None else measure(output))

    def _end_window(self, state: State, _: Any) -> None:
        steps = self._fold()
        if self._drive is not None and not self._drive.counts:
            self._publish(Reading(state.stage, _means(self._window), state.local_iteration, "stage"))
        elif self._every_step:
            for offset, values in enumerate(steps, state.global_iteration - len(steps) + 1):
                self._publish(Reading(state.stage, values, offset, "batches"))
        else:
            self._publish(Reading(state.stage, _means(self._window), state.global_iteration, "batches"))
        self._window = {}

    def _stage_end(self, state: State) -> None:
        self._fold()
        names = sorted(self._stage)
        sums = self._reduce([(self._stage[name][0], self._stage[name][1]) for name in names])
        values = _means(dict(zip(names, (list(pair) for pair in sums), strict=True)))
        values |= getattr(self._drive, "concluded", {})
        state.metrics.update({f"{state.stage}/{name}": value for name, value in values.items()})
        nested = bool(self._outer)
        if values:
            step, clock = (state.global_iteration, "batches") if nested else (state.epoch, "epochs")
            self._publish(Reading(state.stage, values, step, clock))
        self._depth -= 1
        self._pending, self._window, self._stage = self._outer.pop() if nested else ([], {}, {})

    def _fold(self) -> list[dict[str, float]]:
        """Read the pending outputs back and add them to the sums; return each step's own values if they are wanted."""
        outputs, self._pending = [output for output in self._pending if output is not None], []
        numbers = iter(self._read(_flat(outputs)))
        steps = []
        for output in outputs:
            means = {}
            for name, value in output.items():
                total, count = next(numbers), next(numbers) if type(value) is Mean else 1.0
                _add(self._window, name, total, count)
                _add(self._stage, name, total, count)
                if self._every_step and count:
                    means[name] = total / count
            steps.append(means)
        return steps


def _flat(outputs: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for output in outputs:
        if type(output) is not dict and not isinstance(output, Mapping):
            returned = type(output).__name__
            raise RecipeError(f"a step returned {returned}; it should return named scalars, or its stage a `measure`")
        for value in output.values():
            flat.extend(value) if type(value) is Mean else flat.append(value)
    return flat


def _add(sums: dict[str, list[float]], name: str, total: float, count: float) -> None:
    entry = sums.get(name)
    if entry is None:
        sums[name] = [total, count]
    else:
        entry[0] += total
        entry[1] += count


def _floats(values: Sequence[Any]) -> list[float]:
    return [float(value) for value in values]


def _means(sums: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: total / count for name, (total, count) in sums.items() if count}
