"""The train scheduler: it counts, calls the schedule pipes, and owns the learning rate's schedule."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from torchalloy.adapters.alchemy._chain import call_in_turn
from torchalloy.adapters.alchemy._tables import warn_unknown_keys
from torchalloy.adapters.alchemy.pipeline._families import (
    BeginEpochPipeline,
    BeginStepPipeline,
    EndEpochPipeline,
    EndStepPipeline,
    SchedPipeline,
    kinds_of,
)
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError

__all__ = ["AlchemyTrainScheduler", "LineWarmup", "Noam", "NoamScheduler"]


class AlchemyTrainScheduler(Registrable):
    """Counts training steps and epochs, and calls the schedule pipes of `[sched]`.

    Attributes:
        lr_sched: The learning rate's schedule, or None for a constant rate.
        cur_epoch: The epoch under way, from 0; -1 before the first.
        cur_step: The training step under way, from 0; -1 before the first.
        cur_step_this_epoch: The same within the epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lr_sched: Any = None
        self.cur_epoch = -1
        self.cur_step = -1
        self.cur_step_this_epoch = -1
        pipes = [SchedPipeline.from_registry(table["type"], **table) for table in self.cfg.get("pipes", ())]
        kinds = [kinds_of(pipe) for pipe in pipes]
        for name, kind in _LISTS.items():
            setattr(self, name, [pipe for pipe, of in zip(pipes, kinds, strict=True) if kind in of])

    begin_epoch_pipes: list[Any]
    end_epoch_pipes: list[Any]
    begin_step_pipes: list[Any]
    end_step_pipes: list[Any]

    @property
    def cfg(self) -> Any:
        """Config table `[sched]`."""
        return sym_tbl().cfg["sched"]

    @property
    def epochs(self) -> int:
        """Epochs in the whole training.

        Raises: ConfigError: `epochs` is missing or no integer of at least 1.
        """
        epochs = self.cfg.get("epochs")
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ConfigError(f"[sched]: epochs is {epochs!r}; it should be an integer of at least 1")
        return int(epochs)

    def __iter__(self) -> Iterator[int]:
        while self.cur_epoch + 1 < self.epochs:
            self.begin_train_epoch()
            yield self.cur_epoch

    def begin_train_epoch(self) -> None:
        """Count an epoch, and call its pipes."""
        self.cur_step_this_epoch = -1
        self.cur_epoch += 1
        call_in_turn(self.begin_epoch_pipes)

    def begin_train_step(self, batch: Any) -> tuple[int, int]:
        """Count a step, call its pipes, and return its number in the training and in the epoch."""
        self.cur_step += 1
        self.cur_step_this_epoch += 1
        call_in_turn(self.begin_step_pipes, batch)
        return self.cur_step, self.cur_step_this_epoch

    def end_train_step(self, outputs: Any) -> None:
        """Call the pipes behind a step."""
        call_in_turn(self.end_step_pipes, outputs)

    def end_train_epoch(self) -> None:
        """Call the pipes behind an epoch."""
        call_in_turn(self.end_epoch_pipes)

    def step_lr(self) -> None:
        """Move the learning rate on; the backward handler calls it once an update."""
        if self.lr_sched is not None:
            self.lr_sched.step()

    def reset_lr_sched(self, **kwargs: Any) -> None:
        """Build only the learning rate's schedule anew from the config, with `kwargs` on top."""
        if self.lr_sched is not None:
            raise NotImplementedError(f"{type(self).__name__} has a schedule, but no reset_lr_sched() to build it anew")


_LISTS = {
    "begin_epoch_pipes": BeginEpochPipeline,
    "end_epoch_pipes": EndEpochPipeline,
    "begin_step_pipes": BeginStepPipeline,
    "end_step_pipes": EndStepPipeline,
}


class NoamScheduler(LRScheduler):
    """The Transformer's learning rate: up along a line, then down with the root of the step; the same in all groups.

    Args:
        optimizer: Whose rate it is.
        model_size: Width of the model; >= 1.
        num_warmup_steps: Updates on the way up; >= 0.
        factor: Scales the whole curve.
        last_epoch: Only -1.
        verbose: Without effect; there because older torch versions had it.

    Source: Vaswani et al., Attention Is All You Need, 2017, section 5.3.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        model_size: int,
        num_warmup_steps: int = 0,
        factor: float = 1.0,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        if last_epoch != -1:
            raise NotImplementedError(
                "NoamScheduler starts at last_epoch=-1; load_state_dict() takes a schedule up again"
            )
        self.model_size = model_size
        self.num_warmup_steps = num_warmup_steps
        self.factor = factor
        super().__init__(optimizer)

    @staticmethod
    def lr_formula(factor: float, model_size: int, num_warmup_steps: int, step: int) -> float:
        """Return the rate at update `step`, from 1.

        >>> round(NoamScheduler.lr_formula(2.0, 4, 2, 2), 5)
        0.70711
        """
        rising = step * num_warmup_steps**-1.5 if num_warmup_steps > 0 else float("inf")
        return float(factor * model_size**-0.5 * min(step**-0.5, rising))

    def get_lr(self) -> list[float | Any]:
        """Return the present rate, once for each group."""
        rate = self.lr_formula(self.factor, self.model_size, self.num_warmup_steps, self.last_epoch + 1)
        return [rate for _ in self.optimizer.param_groups]


class _Scheduled(AlchemyTrainScheduler):
    known: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        warn_unknown_keys("[sched]", self.cfg, ("epochs", "pipes", *self.known))
        self.reset_lr_sched()

    def reset_lr_sched(self, **kwargs: Any) -> None:
        """Build only the learning rate's schedule anew from the config, with `kwargs` on top."""
        self.lr_sched = self._make({**self.cfg, **kwargs})

    def _make(self, table: dict[str, Any]) -> LRScheduler:
        raise NotImplementedError


@AlchemyTrainScheduler.register()
class Noam(_Scheduled):
    """`NoamScheduler`, its width taken from the model's `config.hidden_size`."""

    known = ("num_warmup_steps", "factor")

    def _make(self, table: dict[str, Any]) -> LRScheduler:
        options = {key: table[key] for key in self.known if key in table}
        return NoamScheduler(sym_tbl().optim.optimizer, sym_tbl().model.model.config.hidden_size, **options)


@AlchemyTrainScheduler.register()
class LineWarmup(_Scheduled):
    """Up along a line over `num_warmup_steps`, then down along a line to 0 at `num_training_steps` updates."""

    known = ("num_warmup_steps", "num_training_steps")

    def _make(self, table: dict[str, Any]) -> LRScheduler:
        total = table.get("num_training_steps")
        total = self._computed_total() if total is None else total
        curve = partial(line_warmup, warmup=table.get("num_warmup_steps", 0), total=total)
        return LambdaLR(sym_tbl().optim.optimizer, curve)

    def _computed_total(self) -> int:
        dataset, _ = sym_tbl().task.dataset("train")
        try:
            return len(dataset) * self.epochs - self.cur_step
        except TypeError as error:
            message = "[sched]: the train data has no length, so LineWarmup can't count; give it num_training_steps"
            raise ConfigError(message) from error


def line_warmup(num_updates: int, *, warmup: int, total: int) -> float:
    """Return what the base rate is multiplied with after `num_updates`.

    >>> [line_warmup(k, warmup=2, total=6) for k in (0, 1, 2, 4, 6, 9)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
    """
    if num_updates < warmup:
        return num_updates / max(1, warmup)
    return max(0.0, (total - num_updates) / max(1, total - warmup))
