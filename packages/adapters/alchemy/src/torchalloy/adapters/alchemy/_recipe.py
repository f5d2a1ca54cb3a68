"""What a runner compiles to: data that the engine runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from torchalloy.adapters.alchemy._evaluate import Evaluations, log_and_outputs, measure
from torchalloy.adapters.alchemy._live import Gradients, Live
from torchalloy.adapters.alchemy._loading import train_batches, walk
from torchalloy.adapters.alchemy._ranks import join_ranks
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import Budget, Drive, Every, Handlers, Recipe, Stage, State, Stateful, always

__all__ = ["inference_recipe", "scoring_recipe", "training_recipe"]


def training_recipe() -> Recipe:
    """Return the training of the task, model, optimizer and scheduler in the symbol table."""
    table = sym_tbl()
    training = _Training(table.train_sched)
    train = Stage("train", train_batches(), _train_step, when=training.begins, measure=measure)
    table.evaluations = Evaluations(("train", *table.task._datasets))
    first, *others = table.evaluations.stages()
    return Recipe(
        work=(train, replace(first, when=training.is_over), *others),
        budget=Budget(epochs=table.train_sched.epochs),
        parts=_parts(table.model, table.optim, table.train_sched),
        handlers=(table.evaluations.handlers(), training.handlers()),
    )


def scoring_recipe(split: str, *, needs_loss: bool) -> Recipe:
    """Return one evaluation of the task and model in the symbol table."""
    table = sym_tbl()
    table.task.dataset(split)
    table.evaluations = Evaluations((split,), when=always)
    table.evaluations.needs_loss = needs_loss
    model: Any = table.model
    parts = {"model": Live(lambda: model.module)}
    return Recipe(table.evaluations.stages(), Budget(epochs=1), parts, (table.evaluations.handlers(),))


def inference_recipe() -> Recipe:
    """Return one walk over split `inference` with the task and model in the symbol table, without scoring."""
    table = sym_tbl()
    model: Any = table.model

    def infer(batch: Any, _: State) -> Mapping[str, Any]:
        model.eval()
        with torch.no_grad():
            table.task.eval_step(batch, needs_loss=False)
        return {}

    stage = Stage("inference", walk("inference"), infer, counts=False)
    return Recipe((stage,), Budget(epochs=1), {"model": Live(lambda: model.module)})


class _Training:
    """Calls the scheduler's pipes at their moments, and keeps its counters with the engine's.

    The epoch's pipes have their moments between the stages, where the engine asks which one is next: so an evaluation
    begins after everybody has heard of the training stage's end.
    """

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler

    def begins(self, _: State) -> bool:
        """Asked before each training stage."""
        self._scheduler.begin_train_epoch()
        return True

    def is_over(self, _: State) -> bool:
        """Asked behind each training stage, about a stage that runs on demand only."""
        self._scheduler.end_train_epoch()
        return False

    def handlers(self) -> Handlers:
        """Return what happens around each step."""
        return Handlers(
            "alchemy.sched",
            run_start=self._run_start,
            before_step=Every(1, self._before_step, stage="train"),
            after_step=Every(1, self._after_step, stage="train"),
        )

    def _run_start(self, drive: Drive) -> None:
        """Count on from where a resumed run is."""
        state, scheduler = drive.state, self._scheduler
        scheduler.cur_epoch = state.epoch - 1
        scheduler.cur_step = state.global_iteration - 1
        scheduler.cur_step_this_epoch = state.local_iteration - 1 if state.stage == "train" else -1
        join_ranks(sym_tbl().model.module, sym_tbl().optim.optimizer)

    def _before_step(self, _: State, batch: Any) -> None:
        self._scheduler.begin_train_step(batch)

    def _after_step(self, _: State, returned: tuple[str, Any]) -> None:
        log, outputs = returned
        self._scheduler.end_train_step(outputs)
        bar = sym_tbl().try_get_global("pbar")
        if bar is not None and not bar.disable:
            done = self._scheduler.cur_step_this_epoch + 1
            bar.update(bar.task_ids[0], completed=done, description=f"Epoch{self._scheduler.cur_epoch},{log}")


def _train_step(batch: Any, _: State) -> tuple[str, Any]:
    table = sym_tbl()
    table.model.train()
    return log_and_outputs(table.task.step(batch))


def _parts(model: Any, optim: Any, scheduler: Any) -> dict[str, Stateful]:
    parts: dict[str, Stateful] = {"model": Live(lambda: model.module), "optimizer": Live(lambda: optim.optimizer)}
    if scheduler.lr_sched is not None:
        parts["schedule"] = Live(lambda: scheduler.lr_sched)
    if getattr(model.backward, "period", 1) != 1:
        parts["style"] = Gradients(lambda: model.module)
    return parts
