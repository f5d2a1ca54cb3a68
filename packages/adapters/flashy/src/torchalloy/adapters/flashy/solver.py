"""The Solver: the user keeps the loop, and drives torchalloy's primitives by `run_stage` and `commit`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sized
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy import distrib
from torchalloy.adapters.flashy.dora.xp import get_xp, plain_data
from torchalloy.adapters.flashy.formatter import Formatter
from torchalloy.adapters.flashy.logging import LogProgressBar, ResultLogger
from torchalloy.adapters.flashy.state import AttributeWrapper, StateDict, StateManager
from torchalloy.adapters.flashy.utils import Averages, averages_kept
from torchalloy.checkpoint import export_torch, import_torch
from torchalloy.core import Budget, Drive, OwnedRun, Recipe, State, Stateful
from torchalloy.optim import canonical_parts

__all__ = ["BaseSolver"]

NEVER_LOADED = ("xp.cfg", "xp.sig")


class _Stopped(BaseException):
    """The run was asked to stop inside a stage; unwinds the user's loop."""


class BaseSolver:
    """Base of a user's solver, who writes `run()` with `restore`, `run_stage` and `commit`.

    Raises: RuntimeError: constructed outside an experiment.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "run" in cls.__dict__:
            cls.run = _driven(cls.__dict__["run"])  # type: ignore[method-assign]

    def __init__(self) -> None:
        self.stateful = StateManager()
        self.xp = get_xp()
        self.logger = logging.getLogger("flashy.solver")
        self.result_logger = ResultLogger(self.logger)
        self.register_stateful("history")
        self.register_stateful(*NEVER_LOADED, write_only=True)
        self._current_stage: str | None = None
        self._current_formatter: Formatter | None = None
        self._drive: Drive | None = None
        self._done_before: set[str] = set()
        self._averages = Averages()
        self._averages_before: list[Any] = []
        self._saves = False
        self._is_restored = False
        self._start_epoch()

    @property
    def checkpoint_path(self) -> Path:
        """Where flashy's own checkpoint goes, beside the run's."""
        return self.folder / "checkpoint.th"

    @property
    def history(self) -> list[Any]:
        """The metrics of each epoch so far; the live object."""
        return self.xp.link.history

    @property
    def folder(self) -> Path:
        """The experiment's folder."""
        return self.xp.folder

    @property
    def epoch(self) -> int:
        """The epoch under way, from 1."""
        return len(self.history) + 1

    def init_tensorboard(self, **kwargs: Any) -> None:
        """Send metrics to TensorBoard too."""
        self.result_logger.init_tensorboard(**kwargs)

    def register_stateful(self, *names: str, write_only: bool = False) -> None:
        """Keep attributes in the checkpoint, by (dotted) name; the last part may be None or missing until later.

        Raises: ValueError: a name is registered already. AttributeError: no such owner.
        """
        for name in names:
            *owners, leaf = name.split(".")
            owner: Any = self
            for part in owners:
                owner = getattr(owner, part)
            self.stateful.register(name, AttributeWrapper(owner, leaf), write_only)

    def state_dict(self) -> StateDict:
        """Return the state of everything registered, by name."""
        return self.stateful.state_dict()

    def load_state_dict(self, state: StateDict) -> None:
        """Take over the state of everything registered."""
        self.stateful.load_state_dict(state)

    def commit(self, save_checkpoint: bool = True) -> None:
        """End the epoch: its metrics join the history, and a checkpoint is written if asked for."""
        self.history.append(plain_data(self._pending_metrics))
        self._start_epoch()
        if distrib.is_rank_zero():
            self.xp.link.update_history(self.history)
        self._saves = save_checkpoint
        if self._drive is not None:
            self._drive.commit()
        if save_checkpoint and distrib.is_rank_zero():
            export_torch(self.folder / "checkpoint.th", self._exported())

    def restore(self) -> bool:
        """Go on from the last checkpoint; return whether there was one.

        A run that torchalloy resumed is restored already. Else flashy's own `checkpoint.th` is read, also one that
        flashy wrote.
        """
        if self._is_restored:
            return True
        path = self.folder / "checkpoint.th"
        if not path.exists():
            return False
        self.load_state_dict(import_torch(path, allow=_config_types()))
        if self._drive is not None:
            self._drive.state.epoch = len(self.history)
        return True

    def get_formatter(self, stage_name: str) -> Formatter:
        """Return the formatter of a stage's log lines; for subclasses to override."""
        return Formatter()

    @property
    def formatter(self) -> Formatter:
        """The current stage's formatter.

        Raises: RuntimeError: outside a stage.
        """
        if self._current_formatter is None:
            raise RuntimeError("there is a formatter only inside a stage")
        return self._current_formatter

    @property
    def current_stage(self) -> str:
        """The current stage's name.

        Raises: RuntimeError: outside a stage.
        """
        if self._current_stage is None:
            raise RuntimeError("not in a stage")
        return self._current_stage

    def run_stage(self, stage_name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Call `method` as the stage `stage_name`, log what it returns, and return that with its `duration` (s).

        In a run resumed behind this stage, it isn't run again: its metrics come from the checkpoint.

        Raises: AssertionError: inside another stage. RuntimeError: the stage has metrics in this epoch already.
        """
        assert self._current_stage is None, f"stage {stage_name!r} can't run inside stage {self._current_stage!r}"
        if stage_name in self._done_before:
            self._done_before.discard(stage_name)
            return dict(self._pending_metrics[stage_name])
        self._current_stage, self._current_formatter = stage_name, self.get_formatter(stage_name)
        try:
            metrics = self._in_stage(stage_name, method, args, kwargs)
            self.log_metrics(stage_name, metrics)
        finally:
            self._current_stage = self._current_formatter = None
        return metrics

    def log_metrics(self, stage_name: str, metrics: dict[str, Any], formatter: Formatter | None = None) -> None:
        """Keep and log a stage's metrics.

        Raises: RuntimeError: the stage has metrics in this epoch already; or no formatter outside a stage.
        """
        if stage_name in self._pending_metrics:
            raise RuntimeError(f"stage {stage_name!r} has metrics in epoch {self.epoch} already")
        formatter = formatter or self.formatter
        self._pending_metrics[stage_name] = metrics
        self.result_logger.log_metrics(stage_name, metrics, step=self.epoch, step_name="epoch", formatter=formatter)

    def log_progress(self, stage_name: str, iterable: Iterable[Any], total: int | None = None, updates: int = 5) -> LogProgressBar:
        """Return `iterable` with log lines on the way; its items are the steps of the current stage.

        A run resumed inside the stage gets the items behind those it had.
        """
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        bar = self.result_logger.get_log_progress_bar(
            stage_name, self._steps(iterable), updates=updates, total=total, step=self.epoch, step_name="epoch", formatter=self.formatter
        )
        return _Reporting(bar, self._drive) if self._drive is not None else bar  # type: ignore[return-value]

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Hand hyper-parameters to all loggers."""
        self.result_logger.log_hyperparams(params, metrics)

    def log_image(self, stage_name: str, key: str, image: Any, **kwargs: Any) -> None:
        """Hand an image to all loggers."""
        self.result_logger.log_image(stage_name, key, image, self.epoch, **kwargs)

    def log_text(self, stage_name: str, key: str, text: str, **kwargs: Any) -> None:
        """Hand a text to all loggers."""
        self.result_logger.log_text(stage_name, key, text, self.epoch, **kwargs)

    def run(self) -> Any:
        """Be the whole loop; for subclasses to write."""
        raise NotImplementedError(f"{type(self).__name__} doesn't write run()")

    def recipe(self) -> Recipe:
        """Return this solver as data that torchalloy runs."""
        parts = canonical_parts(self._objects())
        evaluate = getattr(self, "evaluate", None)
        work = OwnedRun(self._run, self._scored(evaluate) if callable(evaluate) else None, saves=lambda _: self._saves)
        return Recipe(work, Budget(), {**parts, "style": _Rest(self, parts)})

    def _run(self, drive: Drive) -> None:
        self._drive = drive
        self._catch_up(drive.state)
        try:
            with self.xp.enter(stack=True):
                self.run()
        except _Stopped:
            return
        finally:
            self._drive = None

    def _catch_up(self, state: State) -> None:
        """Count the epochs that another style trained; it kept no history for them."""
        unknown = state.epoch - bool(state.stage) - len(self.history)
        if unknown > 0:
            self.history.extend({} for _ in range(unknown))
            self._is_restored = True

    def _scored(self, evaluate: Callable[[], Any]) -> Callable[[Drive], None]:
        def score(drive: Drive) -> None:
            self._drive = drive
            self._start_epoch()
            with self.xp.enter(stack=True):
                evaluate()

        return score

    def _start_epoch(self) -> None:
        self._pending_metrics: dict[str, Any] = {}

    def _in_stage(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        drive, began = self._drive, time.time()
        self._averages = Averages(self._averages_before)
        self._averages_before = []
        with drive.stage(name) if drive is not None else nullcontext(), averages_kept(self._averages):
            metrics = method(*args, **kwargs)
            metrics = {} if metrics is None else metrics
            if drive is not None:
                drive.conclude(_numbers(metrics))
        if drive is not None and drive.interrupted:
            raise _Stopped
        self._averages = Averages()
        metrics["duration"] = time.time() - began
        return metrics

    def _steps(self, iterable: Iterable[Any]) -> Iterable[Any]:
        return iterable if self._drive is None else self._drive.feed(iterable)

    def _objects(self) -> dict[str, Any]:
        sources = {name: source for name, source in self.stateful.sources.items() if isinstance(source, AttributeWrapper)}
        return {name.replace(".", "_"): source.value for name, source in sources.items()}

    def _exported(self) -> dict[str, Any]:
        return {**self.state_dict(), "xp.cfg": self.xp.cfg}


class _Rest:
    """What the solver keeps besides models and optimizers: the part only this style understands."""

    def __init__(self, solver: BaseSolver, parts: Mapping[str, Stateful]) -> None:
        self._solver = solver
        self._kept = {id(part) for part in parts.values()}

    def state_dict(self) -> dict[str, Any]:
        """Return the other registered sources, and the metrics of the epoch's stages so far."""
        solver = self._solver
        rest = {name: source.state_dict() for name, source in solver.stateful.sources.items() if self._is_rest(name, source)}
        pending = plain_data(solver._pending_metrics)
        return {"registered": rest, "pending": pending, "averages": solver._averages.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put them back."""
        solver = self._solver
        if "registered" not in state:
            return  # another style's: it has no history of ours
        solver.stateful.load_state_dict(state["registered"])
        solver._pending_metrics = dict(state["pending"])
        solver._done_before = set(state["pending"])
        solver._averages_before = state["averages"]
        solver._is_restored = True

    def _is_rest(self, name: str, source: Any) -> bool:
        if name in NEVER_LOADED:
            return False
        return not isinstance(source, AttributeWrapper) or id(source.value) not in self._kept


class _Reporting:
    """A progress bar whose `update` is also what the step reports to the engine."""

    def __init__(self, bar: LogProgressBar, drive: Drive) -> None:
        self._bar = bar
        self._drive = drive

    def __len__(self) -> int:
        return len(self._bar)

    def __iter__(self) -> Any:
        return iter(self._bar)

    def update(self, **metrics: Any) -> bool:
        """Say what the present step measured; return whether a line is due for it."""
        self._drive.report(metrics)
        return self._bar.update(**metrics)


def _driven(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a solver's `run` so that calling it in a script starts a run of torchalloy's, once."""

    @wraps(run)
    def driven(self: BaseSolver, *args: Any, **kwargs: Any) -> Any:
        if self._drive is not None:
            return run(self, *args, **kwargs)
        from torchalloy.runtime import run_recipe

        returned: list[Any] = []

        def whole(drive: Drive) -> None:
            self._drive = drive
            self._catch_up(drive.state)
            try:
                returned.append(run(self, *args, **kwargs))
            except _Stopped:
                return
            finally:
                self._drive = None

        recipe = self.recipe()
        assert isinstance(recipe.work, OwnedRun)
        sinks = ("jsonl", "tensorboard") if self.result_logger.has_tensorboard else ("jsonl",)
        run_recipe(
            Recipe(OwnedRun(whole, saves=recipe.work.saves), recipe.budget, recipe.parts),
            style="solver", folder=self.folder, config=plain_data(self.xp.cfg), resume=True, state=State(), progress=False, sinks=sinks,
        )  # fmt: skip
        return returned[0] if returned else None

    return driven


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    plain = plain_data(dict(metrics))
    return {name: float(value) for name, value in plain.items() if isinstance(value, int | float) and not isinstance(value, bool)}


def _config_types() -> list[Any]:
    """Return the types that flashy's own checkpoints hold beside tensors: its OmegaConf config and what that is made of."""
    from collections import defaultdict

    from omegaconf import DictConfig, ListConfig
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.nodes import AnyNode, BooleanNode, FloatNode, IntegerNode, StringNode

    types = [DictConfig, ListConfig, ContainerMetadata, Metadata, AnyNode, BooleanNode, FloatNode, IntegerNode, StringNode]
    return [*types, Any, dict, list, int, float, str, bool, defaultdict]
