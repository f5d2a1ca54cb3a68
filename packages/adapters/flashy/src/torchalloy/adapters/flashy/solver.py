"""The Solver: the user keeps the loop, and drives torchalloy's primitives by `run_stage` and `commit`."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import nullcontext
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch import nn

from torchalloy.adapters.flashy import distrib
from torchalloy.adapters.flashy.dora.xp import get_xp, plain_data
from torchalloy.adapters.flashy.formatter import Formatter
from torchalloy.adapters.flashy.logging import LogProgressBar, ResultLogger
from torchalloy.adapters.flashy.state import AttributeWrapper, StateDict, StateManager
from torchalloy.adapters.flashy.utils import Averages, averages_kept
from torchalloy.checkpoint import export_torch, import_torch
from torchalloy.core import Budget, Drive, OwnedRun, Recipe, State, Stateful
from torchalloy.optim import canonical_parts, scalars

__all__ = ["BaseSolver"]

DRIVEN = "_is_driven_by_torchalloy"
NEVER_LOADED = ("xp.cfg", "xp.sig")
WITHOUT_STAGE = "epoch"  # what the engine is told instead of a stage, in an epoch that has none


class _Stopped(BaseException):
    """The run was asked to stop; unwinds the user's loop from where a resumed run goes on."""


class BaseSolver:
    """Base of a user's solver, who writes `run()` with `restore`, `run_stage` and `commit`.

    Raises: RuntimeError: constructed outside an experiment.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.run is not BaseSolver.run and not hasattr(cls.run, DRIVEN):
            cls.run = _driven(cls.run)  # type: ignore[method-assign]

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
        self._restored: dict[str, Any] | None = None
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
        """Take over the state of everything registered; a run goes on behind the epochs of the history in it.

        Raises: KeyError: a saved name nobody registered.
        """
        self.stateful.load_state_dict(state)
        if "history" in state:
            self._go_on_behind_history()

    def commit(self, save_checkpoint: bool = True) -> None:
        """End the epoch: its metrics join the history, and a checkpoint is written if asked for.

        Raises: ValueError: a metric that JSON has no word for; the epoch isn't ended then.
        """
        self._open_epoch()
        self.xp.link.update_history([*self.history, plain_data(self._pending_metrics)])
        self._start_epoch()
        self._close_epoch(save_checkpoint)
        if save_checkpoint and distrib.is_rank_zero():
            export_torch(self._checkpoint_file(), self._exported())

    def restore(self) -> bool:
        """Go on from the last checkpoint; return whether there was one.

        A run that torchalloy resumed is restored already, but for what was made or registered since. Else flashy's own
        `checkpoint.th` is read, also one that flashy wrote.

        Raises: CheckpointError: the file can't be read, or names types that may be more than weights.
        """
        if self._restored is not None:
            restored, self._restored = self._restored, None
            self.stateful.load_state_dict(restored)
            found = True
        elif found := self._checkpoint_file().exists():
            self.load_state_dict(import_torch(self._checkpoint_file(), allow=_config_types()))
        self._tell_of_lost_epochs()
        return found

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
        self._follow_history()
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
        if self._current_stage is None:
            self._tell_of_metrics(stage_name, metrics)
        self._pending_metrics[stage_name] = metrics
        self.result_logger.log_metrics(stage_name, metrics, step=self.epoch, step_name="epoch", formatter=formatter)

    def log_progress(
        self, stage_name: str, iterable: Iterable[Any], total: int | None = None, updates: int = 5
    ) -> LogProgressBar:
        """Return `iterable` with log lines on the way; its items are the steps of the current stage.

        A run resumed inside the stage gets the items behind those it had.
        """
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        steps = iterable if self._drive is None else _Steps(iterable, self._drive)
        bar = self.result_logger.get_log_progress_bar(
            stage_name, steps, updates, total, step=self.epoch, step_name="epoch", formatter=self.formatter
        )
        bar.listener = self._report
        return bar

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Hand hyper-parameters to all loggers."""
        self.result_logger.log_hyperparams(params, metrics)

    def log_audio(self, stage_name: str, key: str, audio: Any, sample_rate: int, **kwargs: Any) -> None:
        """Hand a sound to all loggers."""
        self.result_logger.log_audio(stage_name, key, audio, sample_rate, self.epoch, **kwargs)

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
        scored = self._scored(evaluate) if callable(evaluate) and _takes_nothing(evaluate) else None
        work = OwnedRun(lambda drive: self._run(drive, self.run), scored, saves=lambda _: self._saves)
        return Recipe(work, Budget(), {**parts, "style": _Rest(self, parts)})

    def _run(self, drive: Drive, run: Callable[[], Any]) -> Any:
        """Be driven by `drive` for the length of `run()`; return what it returns, None if it was stopped."""
        self._drive = drive
        self._catch_up(drive.state)
        try:
            with self.xp.enter(stack=True):
                returned = run()
            if drive.state.epoch < self.epoch:
                drive.commit()  # the last `commit` was a subclass's own
            return returned
        except _Stopped:
            return None
        finally:
            self._drive = None

    def _catch_up(self, state: State) -> None:
        """Count the epochs that another style trained; it kept no history for them."""
        unknown = state.epoch - bool(state.stage) - len(self.history)
        if unknown > 0:
            self.history.extend({} for _ in range(unknown))
            self._restored = {}

    def _scored(self, evaluate: Callable[[], Any]) -> Callable[[Drive], None]:
        def score(drive: Drive) -> None:
            self._drive = drive
            self._start_epoch()
            with self.xp.enter(stack=True):
                evaluate()
            self._drive = None

        return score

    def _follow_history(self) -> None:
        """Bring the engine between the epochs that the history says, unless it is in the next one already.

        A subclass's own `commit`, which doesn't call ours, lengthens the history and no more. Between epochs is also
        where a stop is honoured.
        """
        if self._drive is None:
            return
        state = self._drive.state
        if state.epoch < self.epoch:
            self._drive.commit()
            state.epoch = len(self.history)
            if state.stop is not None:
                raise _Stopped

    def _open_epoch(self) -> None:
        """Open the engine's epoch where no stage did."""
        self._follow_history()
        if self._drive is not None and self._drive.state.epoch < self.epoch:
            with self._drive.stage(WITHOUT_STAGE, counts=False):
                pass

    def _close_epoch(self, saves: bool) -> None:
        if self._drive is not None:
            self._saves = saves
            self._drive.commit()
            self._saves = False

    def _go_on_behind_history(self) -> None:
        """Leave the engine's place for the one that a loaded history says."""
        if self._drive is not None:
            self._drive.commit()
            self._drive.state.epoch = len(self.history)
        self._restored = None
        self._done_before.clear()
        self._averages_before = []
        self._start_epoch()

    def _checkpoint_file(self) -> Path:
        path = self.checkpoint_path
        return path() if callable(path) else path  # subclasses make it a method

    def _tell_of_lost_epochs(self) -> None:
        """Say which epochs of `history.json` no checkpoint knows, and keep the file: they will be trained anew."""
        file = self.xp.history
        if not distrib.is_rank_zero() or not file.exists():
            return
        recorded = len(json.loads(file.read_text()))
        if recorded > len(self.history):
            backup = file.with_suffix(".json.bak")
            shutil.copyfile(file, backup)
            text = "%s has %d epochs, the checkpoint %d: those behind it are trained anew; the old history is in %s"
            self.logger.warning(text, file.name, recorded, len(self.history), backup.name)

    def _tell_of_metrics(self, stage_name: str, metrics: Mapping[str, Any]) -> None:
        """Tell the engine of metrics that were logged outside a stage, as of a stage without steps."""
        self._follow_history()
        if self._drive is not None:
            with self._drive.stage(stage_name, counts=False):
                self._drive.conclude(_numbers(metrics))

    def _report(self, metrics: Mapping[str, Any]) -> None:
        if self._drive is not None:
            self._drive.report(scalars(metrics))

    def _start_epoch(self) -> None:
        self._pending_metrics: dict[str, Any] = {}

    def _in_stage(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
        drive, began = self._drive, time.time()
        self._averages = Averages(self._averages_before)
        self._averages_before = []
        with drive.stage(name) if drive is not None else nullcontext(), averages_kept(self._averages):
            metrics = method(*args, **kwargs)
            metrics = {} if metrics is None else metrics
            if drive is not None:
                drive.conclude(_numbers(metrics))
        self._averages = Averages()
        metrics["duration"] = time.time() - began
        return metrics

    def _objects(self) -> dict[str, Any]:
        named = self.stateful.sources.items()
        return {name.replace(".", "_"): source.value for name, source in named if isinstance(source, AttributeWrapper)}

    def _exported(self) -> dict[str, Any]:
        return {**self.state_dict(), "xp.cfg": _without_cache(self.xp.cfg)}


class _Rest:
    """What the solver keeps besides models and optimizers: the part only this style understands."""

    def __init__(self, solver: BaseSolver, parts: Mapping[str, Stateful]) -> None:
        self._solver = solver
        self._kept = {id(inner) for part in parts.values() for inner in _with_modules(part)}

    def state_dict(self) -> dict[str, Any]:
        """Return the other registered sources, and the metrics of the epoch's stages so far."""
        solver = self._solver
        rest = {name: source.state_dict() for name, source in solver.stateful.sources.items() if self._is_rest(name)}
        pending = plain_data(solver._pending_metrics)
        return {"registered": rest, "pending": pending, "averages": solver._averages.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put them back, as far as they are registered by now; the solver's `restore()` does the rest."""
        solver = self._solver
        if "registered" not in state:
            return  # another style's: it has no history of ours
        solver._restored = dict(state["registered"])
        solver.stateful.load_state_dict({k: v for k, v in solver._restored.items() if k in solver.stateful.sources})
        solver._pending_metrics = dict(state["pending"])
        solver._done_before = set(state["pending"])
        solver._averages_before = state["averages"]

    def _is_rest(self, name: str) -> bool:
        source = self._solver.stateful.sources[name]
        if name in NEVER_LOADED:
            return False
        if not isinstance(source, AttributeWrapper):
            return True
        bare = canonical_parts({name: source.value}) or {name: source.value}
        return not any(id(thing) in self._kept for thing in bare.values())


class _Steps:
    """The items of a stage as the engine's steps."""

    def __init__(self, items: Iterable[Any], drive: Drive) -> None:
        self._items = items
        self._drive = drive

    def __iter__(self) -> Iterator[Any]:
        yield from self._drive.feed(self._items)
        if self._drive.interrupted:
            # From here, so that nothing the user's stage does behind its loop is done now and once more when resumed.
            raise _Stopped


def _driven(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a solver's `run` so that calling it in a script starts a run of torchalloy's, once."""

    @wraps(run)
    def driven(self: BaseSolver, *args: Any, **kwargs: Any) -> Any:
        if self._drive is not None:
            return run(self, *args, **kwargs)
        from torchalloy.runtime import run_recipe

        returned: list[Any] = []
        recipe = self.recipe()
        assert isinstance(recipe.work, OwnedRun)
        whole = OwnedRun(
            lambda drive: returned.append(self._run(drive, lambda: run(self, *args, **kwargs))), saves=recipe.work.saves
        )
        run_recipe(
            replace(recipe, work=whole),
            style="solver",
            folder=self.folder,
            config=plain_data(self.xp.cfg),
            resume=True,
            progress=False,
            sinks=("jsonl", "tensorboard") if self.result_logger.has_tensorboard else ("jsonl",),
        )
        return returned[0]

    setattr(driven, DRIVEN, True)
    return driven


def _with_modules(part: Stateful) -> Iterable[Any]:
    return part.modules() if isinstance(part, nn.Module) else (part,)


def _takes_nothing(method: Callable[..., Any]) -> bool:
    try:
        inspect.signature(method).bind()
    except TypeError:
        return False
    return True


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    plain = {name: value for name, value in plain_data(dict(metrics)).items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in plain.items() if not isinstance(value, bool)}


def _config_types() -> list[Any]:
    """Return the types in flashy's own checkpoints beside tensors: those its OmegaConf config is made of."""
    from pathlib import PosixPath, WindowsPath

    from omegaconf import DictConfig, ListConfig, base, nodes

    made_of = [nodes.AnyNode, nodes.BooleanNode, nodes.BytesNode, nodes.EnumNode, nodes.FloatNode, nodes.IntegerNode]
    made_of += [nodes.PathNode, nodes.StringNode, base.UnionNode]
    types = [DictConfig, ListConfig, base.ContainerMetadata, base.Metadata, *made_of, PosixPath, WindowsPath]
    return [*types, Any, dict, list, int, float, str, bool, (_dict, "collections.defaultdict")]


def _dict(*_: Any) -> dict[Any, Any]:
    """Stand in for a defaultdict, which torch won't fill when it reads weights only."""
    return {}


def _without_cache(config: Any) -> Any:
    """Return a config without what its resolvers found before, such as the environment's values."""
    if not OmegaConf.is_config(config):
        return config
    config = copy.deepcopy(config)
    OmegaConf.clear_cache(config)
    return config
