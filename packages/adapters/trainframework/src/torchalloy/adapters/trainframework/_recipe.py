"""A trainer as a recipe: its stages, budget and parts, and its hooks at their moments."""

import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch

from torchalloy.adapters.trainframework.model.ema import ema_wrapper
from torchalloy.adapters.trainframework.slover.lr_scheduler import EmptyLRScheduler
from torchalloy.core import Budget, CheckpointError, Drive, Handlers, Mean, Recipe, Stage, State, Stateful
from torchalloy.optim import canonical_parts

__all__ = ["recipe_of", "state_at"]


def recipe_of(trainer: Any) -> Recipe:
    """Return what `trainer.loop()` runs.

    `max_iter` iterations are one epoch over an endless stream; with `enable_epoch_method` it is that many epochs. The
    trainer or model that defines `evaluate_step` is scored in the stage "test".
    """
    loop = _Loop(trainer)
    train = Stage("train", trainer.train_data_loader, loop.step, measure=loop.measure)
    evaluate = getattr(trainer, "evaluate_step", None) or getattr(trainer.model, "evaluate_step", None)
    tests = () if evaluate is None else (_test_stage(trainer.test_data_loader, evaluate),)
    by_epoch = trainer.enable_epoch_method
    return Recipe(
        (train, *tests),
        Budget(epochs=trainer.max_iter) if by_epoch else Budget(iterations=trainer.max_iter),
        _parts(trainer),
        (loop.epoch_handlers() if by_epoch else loop.iteration_handlers(), _Answering(trainer.model).handlers()),
    )


def state_at(trainer: Any) -> State | None:
    """Return where a run that begins with `trainer.start_iter` is; None at its start."""
    start = trainer.start_iter
    if start == 0:
        return None
    if trainer.enable_epoch_method:
        return State(epoch=start, global_iteration=start * len(trainer.train_data_loader))
    stage = "train" if start < trainer.max_iter else ""
    return State(epoch=1, local_iteration=start, global_iteration=start, stage=stage)


class _Loop:
    """TrainFramework's loop, told from inside the engine's.

    `epoch` is what users call the loop's index: the iteration, or the epoch with `enable_epoch_method`, from 0.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._model = trainer.model
        self._by_epoch: bool = trainer.enable_epoch_method
        self._accumulation: int = trainer.gradient_accumulation_batch
        self._wants_info = _takes_info(trainer.iterate_after)
        self._is_watched = not _is_empty(trainer.iterate_after)
        self._last: Mapping[str, Any] | None = None

    def step(self, batch: Any, state: State) -> Mapping[str, Any]:
        """Train on one batch."""
        epoch = state.epoch - 1 if self._by_epoch else state.global_iteration - 1
        data_epoch = state.local_iteration - 1 if self._by_epoch else epoch
        self._last = self._model.train_step(
            batch, epoch=epoch, data_epoch=data_epoch, accumulation_epoch=self._accumulation
        )
        return self._last

    def measure(self, output: Mapping[str, Any]) -> dict[str, Any]:
        """Return the scalars of a step, and the first rate."""
        scalars = {name: _scalar(value) for name, value in output.items()}
        return {**{name: value for name, value in scalars.items() if value is not None}, "lr": self._model.rates()[0]}

    def iteration_handlers(self) -> Handlers:
        """Return the hooks' moments where `max_iter` counts iterations."""
        return Handlers("base_model", run_start=self._start, after_step=self._after_step, run_end=self._end)

    def epoch_handlers(self) -> Handlers:
        """Return the hooks' moments where `max_iter` counts epochs."""
        return Handlers("base_model", run_start=self._start, epoch_end=self._after_epoch, run_end=self._end)

    def _start(self, drive: Drive) -> None:
        self._trainer.before_loop()
        self._model.enable_train()

    def _after_step(self, state: State, _: Any) -> None:
        if state.stage == "train":
            epoch = state.global_iteration - 1
            self._after(epoch, saves=self._accumulation <= 1 or (epoch + 1) % self._accumulation == 0)

    def _after_epoch(self, state: State) -> None:
        self._after(state.epoch - 1, saves=True)

    def _after(self, epoch: int, saves: bool) -> None:
        """Save, say and call back, in TrainFramework's order."""
        trainer = self._trainer
        if saves:
            trainer.checkpoint.save(self._model, epoch)
        if epoch % trainer.checkpoint.check_period == 0:
            logging.getLogger(trainer.default_log_name).info("trainer run step %d %s", epoch, self._info())
        if self._is_watched:
            trainer.iterate_after(*((epoch, self._info()) if self._wants_info else (epoch,)))

    def _end(self, state: State) -> None:
        if state.stop is not None:
            return
        self._trainer.checkpoint.save(self._model, self._trainer.max_iter)
        self._trainer.after_loop()

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {} if self._last is None else self._model.readable(self._last)
        return info


class _Answering:
    """Makes the model answer, with its averaged weights, for the length of the stage "test"."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._stack = ExitStack()

    def handlers(self) -> Handlers:
        """Return the moments around the stage."""
        return Handlers("base_model.test", stage_start=self._start, stage_end=self._end)

    def _start(self, state: State) -> None:
        if state.stage == "test":
            self._stack.enter_context(ema_wrapper(self._model))
            self._stack.callback(self._model.enable_train)
            self._model.disable_train()

    def _end(self, state: State) -> None:
        if state.stage == "test":
            self._stack.close()


class _Accumulated:
    """Gradients of the batches since the last update, so that a run may stop between two updates."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network

    def state_dict(self) -> dict[str, Any]:
        """Return the gradients that are there, by parameter."""
        named = self._network.named_parameters()
        return {name: one.grad.detach().clone() for name, one in named if one.grad is not None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the gradients."""
        for name, one in self._network.named_parameters():
            one.grad = state[name].to(one.device) if name in state else None


class _Averages:
    """A model's averaged weights, kept as `torchalloy.optim.EMA` keeps them, for other styles to take over."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Return the averages by parameter name, and how many updates they have seen where that is counted."""
        return {"num_updates": self._model.ema.num_updates or 0, "averages": dict(self._named())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the averages.

        Raises: CheckpointError: for other names than the network's.
        """
        averages, kept = dict(self._named()), state["averages"]
        if averages.keys() != kept.keys():
            raise CheckpointError(
                f"ema: the model and the state differ in {', '.join(sorted(averages.keys() ^ kept.keys()))}"
            )
        for name, average in averages.items():
            average.copy_(kept[name])
        if self._model.ema.num_updates is not None:
            self._model.ema.num_updates = state["num_updates"]

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        names = [name for name, one in self._model.g_model.named_parameters() if one.requires_grad]
        return zip(names, self._model.ema.shadow_params, strict=True)


def _parts(trainer: Any) -> dict[str, Stateful]:
    """Name what a checkpoint keeps: the generator's parts by their kind, and what else the model holds beside them."""
    model = trainer.model
    parts: dict[str, Stateful] = {"model": model.g_model, "optimizer": model.g_optimizer}
    if not isinstance(model.g_scheduler, EmptyLRScheduler):
        parts["schedule"] = model.g_scheduler
    if hasattr(model, "ema"):
        parts["ema"] = _Averages(model)
    if trainer.gradient_accumulation_batch > 1:
        parts["style"] = _Accumulated(model.g_model)
    own = {id(model.g_optimizer), id(model.g_scheduler), *(id(part) for part in model.g_model.modules())}
    others = {name: thing for name, thing in vars(model).items() if id(thing) not in own}
    found = [(kind, name, part) for name in others for kind, part in canonical_parts({name: others[name]}).items()]
    return parts | {f"{kind}.{name}": part for kind, name, part in found}


def _test_stage(batches: Any, evaluate: Any) -> Stage:
    def step(batch: Any, state: State) -> Any:
        with torch.no_grad():
            return evaluate(batch)

    return Stage("test", batches, step, counts=False)


def _scalar(value: Any) -> Any:
    """Return `value` if it is one number, else None."""
    if isinstance(value, torch.Tensor):
        return value.detach() if value.dim() == 0 else None
    if isinstance(value, Mean) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return None


def _takes_info(hook: Any) -> bool:
    """Whether a trainer's `iterate_after` takes the step's info beside the index."""
    parameters = inspect.signature(hook).parameters.values()
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 or any(one.kind is one.VAR_POSITIONAL for one in parameters)


def _is_empty(hook: Any) -> bool:
    """Whether `hook` is the one that does nothing."""
    return getattr(hook, "__module__", "") == "torchalloy.adapters.trainframework.trainer.trainer"
