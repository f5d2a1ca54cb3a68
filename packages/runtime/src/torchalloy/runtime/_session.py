"""One run of one recipe: its parts, everybody who is called, and what it leaves behind."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, TextIO

import torch
from torch import nn
from torch.optim import Optimizer

from torchalloy.checkpoint import Checkpoint, Report, Store, load_into
from torchalloy.core import Handlers, NullPart, OwnedRun, Reading, Recipe, RecipeError, State, Stateful
from torchalloy.distributed import Ranks, average_gradients, broadcast_module, reduce_means
from torchalloy.engine import Drive, Metrics, Program, link, run
from torchalloy.optim import read_back
from torchalloy.records import Progress, RunFolder, Sinks, open_log
from torchalloy.runtime._generators import RankGenerators
from torchalloy.runtime._saving import Saver
from torchalloy.runtime._settings import Settings
from torchalloy.runtime._signals import StopRequest
from torchalloy.runtime._sources import Sources

__all__ = ["Outcome", "Session"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: "finished" or "stopped", and its seconds."""

    status: str
    seconds: float
    summary: dict[str, Any]


@dataclass
class Session:
    """A recipe about to run in this process.

    Attributes:
        recipe: What runs.
        state: Where it is.
        settings: What the runtime was told.
        ranks: This process among all.
        record: The run's folder on the main rank, None elsewhere and for a run that leaves nothing.
        extra_parts: Parts that plugins keep.
        extra_handlers: Handlers that plugins add.
        make_sinks: Makes the sinks once the run is sure to start.
        stream: Where progress is drawn, or None for none.
    """

    recipe: Recipe
    state: State
    settings: Settings
    ranks: Ranks
    record: RunFolder | None = None
    extra_parts: Mapping[str, Stateful] = field(default_factory=dict)
    extra_handlers: Sequence[Handlers] = ()
    make_sinks: Callable[[RunFolder], Sinks] | None = None
    stream: TextIO | None = None

    def __post_init__(self) -> None:
        self._sinks: Sinks | None = None
        window = self.settings.log.every_steps
        self._progress = Progress(stream=self.stream, window=window) if self.stream is not None else None
        self._sources = Sources()
        self._metrics = Metrics(
            self._publish,
            window=window,
            every_step=self.settings.log.each_step,
            read=read_back,
            reduce=reduce_means if self.ranks.num_ranks > 1 else None,
        )
        self._stop = StopRequest(self.ranks)
        self.parts: dict[str, Stateful] = {
            "style": NullPart(),
            **self.recipe.parts,
            **self.extra_parts,
            "state": self.state,
            "rng": RankGenerators(self.ranks, self.settings.seed),
            "data": self._sources,
            "metrics": self._metrics,
        }
        store = Store(self.record.checkpoints, keep=self.settings.save.keep) if self.record is not None else None
        asks = self.recipe.work.saves if isinstance(self.recipe.work, OwnedRun) else None
        self._saver = Saver(store, self.parts, self.settings.save, self._meta, asks)
        self.program = self._link()

    def restore(self, checkpoint: Checkpoint, *, only: Sequence[str] = ()) -> Report:
        """Load the parts from `checkpoint`, or only those named (and those below such a name)."""
        wanted = {n: p for n, p in self.parts.items() if not only or n in only or n.split(".")[0] in only}
        return load_into(checkpoint, wanted)

    def run(self) -> Outcome:
        """Run to the end of the budget or to a stop; the record says how it ended, also when a step fails."""
        began = time.perf_counter()
        with ExitStack() as stack:
            self._start_ranks()
            if self._progress is not None:
                stack.callback(self._progress.close)
            if self.record is not None:
                self._open_record(self.record, stack)
            try:
                with self._stop.watching(self.state):
                    run(self.program, self.state)
                    self._saver.save_end(self.state)
            except BaseException as error:
                self._finish("failed", began, error)
                raise
        status = "finished" if self.state.stop is None else "stopped"
        return Outcome(status, time.perf_counter() - began, self._finish(status, began, None))

    def score(self) -> dict[str, float]:
        """Run every stage that isn't training once on the present weights; return metrics by "stage/name".

        Raises: RecipeError: there is nothing to score by.
        """
        owned, scoring = self.program.owned, [s.name for s in self.program.stages.values() if not s.counts]
        drive = Drive(self.program, self.state, in_epoch=True)
        self._metrics.attach(drive)
        if owned is not None and owned.evaluate is not None:
            owned.evaluate(drive)
        elif scoring:
            for name in scoring:
                drive.perform(name)
        else:
            raise RecipeError(f"style {self.settings.style!r} gives no stage to score by; see its page on evaluation")
        return dict(self.state.metrics)

    def _open_record(self, record: RunFolder, stack: ExitStack) -> None:
        stack.callback(open_log(record.log, rank=self.ranks.rank).close)
        if self.make_sinks is not None:
            self._sinks = stack.enter_context(self.make_sinks(record))
            finished = self.state.epoch - 1 if self.state.stage else self.state.epoch
            self._sinks.rewind({"batches": self.state.global_iteration, "epochs": finished})

    def _link(self) -> Program:
        progress = [self._progress.handlers()] if self._progress is not None else []
        return link(
            self.recipe,
            *self.extra_handlers,
            self._stop.handlers(),
            self._saver.handlers(),
            first=(self._metrics.handlers(self.recipe), self._metrics.window_handlers(), *progress),
            open_source=self._sources.open,
        )

    def _publish(self, reading: Reading) -> None:
        if self._progress is not None:
            self._progress.write(reading)
        if self._sinks is not None and reading.clock != "stage":
            self._sinks.write(reading)

    def _start_ranks(self) -> None:
        if self.ranks.num_ranks == 1:
            return
        for part in self.recipe.parts.values():
            if isinstance(part, nn.Module):
                broadcast_module(part)
            elif isinstance(part, Optimizer):
                average_gradients(part)

    def _meta(self) -> dict[str, Any]:
        return {
            "style": self.settings.style,
            "seed": self.settings.seed,
            "num_ranks": self.ranks.num_ranks,
            "versions": _versions(),
        }

    def _finish(self, status: str, began: float, error: BaseException | None) -> dict[str, Any]:
        summary = {
            "style": self.settings.style,
            "status": status,
            "metrics": dict(self.state.metrics),
            "epochs": self.state.epoch,
            "iterations": self.state.global_iteration,
            "seconds": round(time.perf_counter() - began, 3),
            "seed": self.settings.seed,
            "num_ranks": self.ranks.num_ranks,
            "device": self.settings.device,
            "versions": _versions(),
        }
        if self.state.stop is not None:
            summary["stopped_by"] = self.state.stop
        if self.record is not None:
            summary["folder"] = str(self.record.path)
            self.record.finish(status, summary, error)
        return summary


@cache
def _versions() -> dict[str, str]:
    return {"torch": str(torch.__version__), "torchalloy": version("torchalloy-core")}
