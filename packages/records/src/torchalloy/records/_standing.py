"""How a run stands, in numbers and words that people read: what a bar and a line have in common."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torchalloy.core import Reading, State

__all__ = ["Pace", "Standing", "View", "as_clock", "as_metrics"]


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show at one instant.

    Attributes:
        title: "epoch 3/10 train".
        done: Steps taken in the stage.
        total: Steps in the stage, or None if nobody knows.
        rate: Steps per second over the last seconds, or None before there are two moments to compare.
        left_s: Seconds to the end of the run (of the stage, where the run has no known end), or None.
        metrics: "loss 0.1234, accuracy 0.95".
        elsewhere: "valid: loss 0.2, accuracy 0.93": what other stages said last.
    """

    title: str
    done: int
    total: int | None
    rate: float | None
    left_s: float | None
    metrics: str
    elsewhere: str


class Pace:
    """Steps per second over the last `window_s` seconds.

    >>> pace = Pace()
    >>> pace.update("train", 0, 10.0); pace.update("train", 50, 12.0); pace.rate
    25.0
    """

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._key: object = None
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, key: object, steps: int, now_s: float) -> None:
        """Say that `steps` steps of the pass `key` were taken by `now_s`. Another key, or fewer steps, starts anew."""
        if key != self._key or (self._seen and steps < self._seen[-1][1]):
            self._key = key
            self._seen.clear()
        self._seen.append((now_s, steps))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - self._window_s:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Steps per second, or None before two moments are known."""
        if len(self._seen) < 2 or self._seen[-1][0] <= self._seen[0][0]:
            return None
        return (self._seen[-1][1] - self._seen[0][1]) / (self._seen[-1][0] - self._seen[0][0])


class Standing:
    """Follows one run; asked from the training thread or, by a live bar, from another one."""

    def __init__(self, state: State, now_s: float) -> None:
        self.state = state
        self._pace = Pace()
        self._latest: dict[str, Mapping[str, float]] = {}
        self._began: dict[str, tuple[float, int]] = {state.stage: (now_s, state.local_iteration)}
        self._run_began = (now_s, state.global_iteration)
        self._epoch_began = (state.epoch, state.global_iteration) if not state.stage else None
        self._steps_per_epoch: int | None = None

    def read(self, reading: Reading) -> None:
        """Take the newest metrics of a stage."""
        self._latest[reading.stage] = dict(reading.values)

    def epoch_started(self) -> None:
        """Note where the epoch begins."""
        self._epoch_began = (self.state.epoch, self.state.global_iteration)

    def epoch_ended(self) -> None:
        """Learn how many steps an epoch has, from one that was seen whole."""
        if self._epoch_began is not None and self._epoch_began[0] == self.state.epoch:
            self._steps_per_epoch = self.state.global_iteration - self._epoch_began[1]

    def stage_started(self, now_s: float) -> None:
        """Note when the stage begins."""
        self._began[self.state.stage] = (now_s, self.state.local_iteration)

    def moved(self, now_s: float) -> None:
        """Note how far the stage is by now, for the rate."""
        self._pace.update((self.state.epoch, self.state.stage), self.state.local_iteration, now_s)

    def view(self, now_s: float) -> View:
        """Return what to show now."""
        state = self.state
        return View(
            title=self.title(),
            done=state.local_iteration,
            total=state.epoch_length,
            rate=self._pace.rate,
            left_s=self._left_s(now_s),
            metrics=as_metrics(self.metrics_of(state.stage)),
            elsewhere=self._elsewhere(),
        )

    def stage_summary(self, now_s: float) -> str:
        """Return a finished stage as one line."""
        began_s, first_step = self._began.get(self.state.stage, (now_s, 0))
        steps, took_s = self.state.local_iteration - first_step, now_s - began_s
        pace = f", {steps / took_s:.0f} steps/s" if took_s > 0 and steps > 0 else ""
        metrics = as_metrics(self.metrics_of(self.state.stage))
        return f"{self.title()}: {metrics}{' ' if metrics else ''}({steps} steps in {took_s:.1f} s{pace})"

    def title(self) -> str:
        """Return "epoch 3/10 train", as far as it is known."""
        state = self.state
        of = f"/{state.max_epochs}" if state.max_epochs else ""
        return " ".join(word for word in (f"epoch {state.epoch}{of}" if state.epoch else "", state.stage) if word)

    def metrics_of(self, stage: str) -> dict[str, Any]:
        """Return the newest metrics of `stage`: of its finished pass or its last reading, whichever is newer."""
        return self._means_of(stage) | dict(self._latest.get(stage, {}))

    def stage_ended(self) -> None:
        """Let the means over the whole stage, which the state has now, stand before the last reading."""
        self._latest[self.state.stage] = self.metrics_of(self.state.stage) | self._means_of(self.state.stage)

    def _means_of(self, stage: str) -> dict[str, Any]:
        prefix, metrics = f"{stage}/", dict(self.state.metrics)
        return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}

    def _elsewhere(self) -> str:
        others = {stage: values for stage, values in dict(self._latest).items() if stage != self.state.stage and values}
        return " · ".join(f"{stage}: {as_metrics(values, most=2)}" for stage, values in others.items())

    def _left_s(self, now_s: float) -> float | None:
        total = self._run_steps()
        done = self.state.global_iteration - self._run_began[1]
        if total is not None and done > 0:
            return max(0, total - self.state.global_iteration) * (now_s - self._run_began[0]) / done
        length, rate = self.state.epoch_length, self._pace.rate
        return max(0, length - self.state.local_iteration) / rate if total is None and length and rate else None

    def _run_steps(self) -> int | None:
        state, per_epoch = self.state, self._steps_per_epoch or self._first_guess()
        by_epochs = state.max_epochs * per_epoch if state.max_epochs and per_epoch else None
        known = [steps for steps in (by_epochs, state.max_iterations) if steps]
        return min(known, default=None)

    def _first_guess(self) -> int | None:
        """Take the present stage for the epoch's only counting one, if its steps count."""
        state = self.state
        counts = self._epoch_began is None or state.global_iteration - self._epoch_began[1] == state.local_iteration > 0
        return state.epoch_length if counts else None


def as_metrics(values: Mapping[str, Any], most: int = 6) -> str:
    """Return metrics as words, the loss first.

    >>> as_metrics({"accuracy": 0.95, "loss": 0.123456})
    'loss 0.1235, accuracy 0.95'
    """
    names = sorted(values, key=lambda name: name != "loss")[:most]
    return ", ".join(f"{name} {_short(values[name])}" for name in names)


def as_clock(seconds: float) -> str:
    """Return a length of time.

    >>> as_clock(3725.4)
    '1:02:05'
    """
    minutes, left_s = divmod(round(seconds), 60)
    hours, left_min = divmod(minutes, 60)
    return f"{hours}:{left_min:02}:{left_s:02}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
