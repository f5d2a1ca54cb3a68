"""What happens around a trainer's methods: callbacks, and the built-in ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torchalloy.adapters.thexp.frame.meter import AvgMeter, Meter

if TYPE_CHECKING:
    from torchalloy.adapters.thexp.frame.trainer import Trainer

__all__ = [
    "BoardCallback",
    "Callback",
    "EvalCallback",
    "KeyErrorSave",
    "LoggerCallback",
    "ModelCheckpoint",
    "TimingCheckpint",
    "TimingCheckpoint",
    "TrainCallback",
]


class Callback:
    """Is told before and after each wrapped method of a trainer.

    Callbacks are told in the order of `priority`, lower first; one of each class name.

    Attributes:
        enable: False to be told nothing.
    """

    priority = 0

    def __init__(self) -> None:
        self.enable = True
        self.trainer: Trainer | None = None

    def hook(self, trainer: Trainer) -> bool:
        """Join the trainer's callbacks; return whether it took this one."""
        return trainer.add_callback(self)

    def unhook(self) -> None:
        """Leave the trainer, if there is one."""
        if self.trainer is not None:
            self.trainer.remove_callback(self)

    def on_hooked(self, trainer: Trainer, params: Any) -> None:
        """Be told that a trainer took this callback."""

    def on_hook_failed(self, trainer: Trainer, message: str) -> None:
        """Be told why a trainer refused this callback."""

    def on_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Be told that `func` begins, with its arguments."""

    def on_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Be told what `func` returned, and its arguments."""

    def on_exception(
        self, trainer: Trainer, func: Any, params: Any, e: BaseException, *args: Any, **kwargs: Any
    ) -> Any:
        """Be told what `func` raised; return something true to let it count as None returned."""
        return None

    def on_first_exception(
        self, trainer: Trainer, func: Any, params: Any, e: BaseException, *args: Any, **kwargs: Any
    ) -> Any:
        """Be told once of each exception; what is returned, unless None, takes the place of `on_exception`'s answer."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(enable={self.enable})"


class TrainCallback(Callback):
    """A callback with a method for each moment of a training.

    Epoch methods get (eidx, params), batch methods (eidx, idx, global_step, batch_data, params, device) in the end;
    the `end` methods get what was measured before these.
    """

    def on_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Call the method of the moment that begins."""
        moment = _MOMENTS.get(func.__name__)
        if moment is not None:
            getattr(self, f"on_{moment}_begin")(trainer, func, params, *args, **kwargs)

    def on_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Call the method of the moment that ends."""
        moment = _MOMENTS.get(func.__name__)
        if moment is not None:
            getattr(self, f"on_{moment}_end")(trainer, func, params, meter, *args, **kwargs)

    def on_train_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Training begins, or goes on after a resume."""

    def on_train_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """The last epoch is over; `params.eidx` is the number of the next one."""

    def on_train_epoch_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """An epoch begins."""

    def on_train_epoch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """An epoch of training is over; `meter` is its AvgMeter."""

    def on_train_batch_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """A batch is about to be trained on."""

    def on_train_batch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """A batch was trained on."""

    def on_eval_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """An evaluation begins."""

    def on_eval_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """An evaluation is over; `meter` is what `test_eval_logic` returned."""

    def on_test_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """A test begins."""

    def on_test_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """A test is over; `meter` is what `test_eval_logic` returned."""


_MOMENTS = {
    "train": "train",
    "train_epoch": "train_epoch",
    "train_batch": "train_batch",
    "eval": "eval",
    "test": "test",
}


class EvalCallback(TrainCallback):
    """Calls `eval()` and `test()` at the end of epochs.

    With a period of n it is epoch n - 1, 2n - 1, ... (each one for 1), and the last epoch in any case. 0 or None leaves
    only the last.

    Args:
        eval_per_epoch: Period of `eval()`.
        test_per_epoch: Period of `test()`.
    """

    def __init__(self, eval_per_epoch: int | None = 1, test_per_epoch: int | None = 10) -> None:
        super().__init__()
        self.periods = {"eval": eval_per_epoch, "test": test_per_epoch}
        self._last_covered = {"eval": 0, "test": 0}

    def on_train_epoch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Score where it is time to."""
        for mode, period in self.periods.items():
            if period and params.eidx % period == period - 1:
                self._score(trainer, mode, params.eidx)

    def on_train_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Score what the last epoch left unscored."""
        for mode, covered in self._last_covered.items():
            if covered != params.eidx - 1:
                self._score(trainer, mode, params.eidx - 1)

    def __repr__(self) -> str:
        return f"EvalCallback(eval_per_epoch={self.periods['eval']}, test_per_epoch={self.periods['test']})"

    def _score(self, trainer: Trainer, mode: str, eidx: int) -> None:
        if mode in trainer.databundler_dict:
            getattr(trainer, mode)()
        self._last_covered[mode] = eidx


class LoggerCallback(TrainCallback):
    """Logs epochs, batches and scores.

    A batch's line is shown at most ten times a second, so that the device isn't waited for at each step.

    Args:
        avg: Show the means of the epoch so far beside the batch's own values.
    """

    every_s = 0.1

    def __init__(self, avg: bool = True) -> None:
        super().__init__()
        self.avg = avg
        self._meter: Meter = AvgMeter()
        self._shown_s = 0.0

    def on_hooked(self, trainer: Trainer, params: Any) -> None:
        """Log where the experiment is, and its parameters."""
        if trainer.has_experiment:
            trainer.logger.info(trainer.experiment.exp_dir, prefix="Exp BaseDir")
        trainer.logger.info(type(trainer).__name__, prefix="Exp Trainer")
        trainer.logger.info(f"\n{params}", prefix="Exp Params")

    def on_train_epoch_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log the epoch's number."""
        self._meter = AvgMeter()
        trainer.logger.info(f"{params.eidx}/{params.epoch}", prefix="train epoch")

    def on_train_batch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Show the batch's values, and their means."""
        idx, num_batches = args[1], trainer.num_train_batches
        shown = self._meter.update(meter) if self.avg else meter
        now = time.monotonic()
        if now - self._shown_s >= self.every_s or idx + 1 == num_batches:
            self._shown_s = now
            trainer.logger.inline(f"{idx}/{num_batches if num_batches is not None else '?'}", shown, prefix="train")

    def on_train_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Log the end."""
        trainer.logger.info("train end")

    def on_eval_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log that an evaluation begins."""
        trainer.logger.info("start", prefix="eval")

    def on_eval_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Log what an evaluation found."""
        trainer.logger.info("end" if meter is None else meter, prefix="eval")

    def on_test_begin(self, trainer: Trainer, func: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log that a test begins."""
        trainer.logger.info("start", prefix="test")

    def on_test_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Log what a test found."""
        trainer.logger.info("end" if meter is None else meter, prefix="test")

    def on_first_exception(
        self, trainer: Trainer, func: Any, params: Any, e: BaseException, *args: Any, **kwargs: Any
    ) -> Any:
        """Log what was raised."""
        trainer.logger.error(f"{type(e).__name__} raised")


class ModelCheckpoint(TrainCallback):
    """Saves a checkpoint whenever a value gets better.

    Args:
        monitor: The value's name.
        mode: Whose value: "train", "eval" or "test".
        lower: Whether lower is better.
        start_epoch: Epochs before which nothing is saved.
    """

    def __init__(self, monitor: str, mode: str = "train", lower: bool = True, start_epoch: int = 0) -> None:
        super().__init__()
        assert mode in ("train", "eval", "test"), f"mode is {mode!r}; expected 'train', 'eval' or 'test'"
        self.monitor, self.mode, self.lower, self.start_epoch = monitor, mode, lower, start_epoch
        self.best: float | None = None

    def on_train_epoch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Look at what the epoch measured."""
        self._look("train", trainer, params, meter)

    def on_eval_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Look at what the evaluation measured."""
        self._look("eval", trainer, params, meter)

    def on_test_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Look at what the test measured."""
        self._look("test", trainer, params, meter)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far."""
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the best value."""
        self.best = state["best"]

    def _look(self, mode: str, trainer: Trainer, params: Any, meter: Any) -> None:
        if mode != self.mode or params.eidx <= self.start_epoch or not isinstance(meter, Meter):
            return
        value = dict(meter.numeral_items()).get(self.monitor)
        if value is not None and (self.best is None or (value < self.best if self.lower else value > self.best)):
            self.best = value
            trainer.save_checkpoint(meter.serialize())


class TimingCheckpoint(TrainCallback):
    """Saves a keypoint every `per_epoch` epochs.

    Args:
        per_epoch: >= 1.
    """

    def __init__(self, per_epoch: int = 50) -> None:
        super().__init__()
        self.per_epoch = per_epoch

    def on_train_epoch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Save if it is time to."""
        if params.eidx % self.per_epoch == 0:
            trainer.save_keypoint(meter.serialize(), replacement=True)


TimingCheckpint = TimingCheckpoint  # thexp's first test spells it so


class BoardCallback(TrainCallback):
    """Writes watched values to the experiment's `board/` for TensorBoard.

    Args:
        unit: "epoch" writes means at an epoch's end, "global_step" the values of each batch.
        empty_mode: What to do about a watched value that isn't there: "ignore", or "zero" to write 0.
    """

    def __init__(self, unit: str = "epoch", empty_mode: str = "ignore") -> None:
        super().__init__()
        assert unit in ("epoch", "global_step"), f"unit is {unit!r}; expected 'epoch' or 'global_step'"
        assert empty_mode in ("zero", "ignore"), f"empty_mode is {empty_mode!r}; expected 'zero' or 'ignore'"
        self.unit, self.empty_mode = unit, empty_mode
        self._watched: list[tuple[str, tuple[str, ...], str]] = []

    def watch_scalar(self, mode: str, name: str, tag: str | None = None) -> None:
        """Write `name` as measured in `mode` ("train", "eval" or "test") under `tag`."""
        self._watched.append((mode, (name,), tag or f"{mode}/{name}"))

    def watch_scalars(self, mode: str, names: Any, tag: str) -> None:
        """Write several values under one `tag`."""
        self._watched.append((mode, tuple(names), tag))

    def on_train_batch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Write a batch's values."""
        if self.unit == "global_step":
            self._write("train", trainer, meter, params.global_step)

    def on_train_epoch_end(
        self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Write an epoch's means."""
        if self.unit == "epoch":
            self._write("train", trainer, meter, params.eidx)

    def on_eval_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Write what an evaluation found."""
        self._write("eval", trainer, meter, params.eidx if self.unit == "epoch" else params.global_step)

    def on_test_end(self, trainer: Trainer, func: Any, params: Any, meter: Any, *args: Any, **kwargs: Any) -> None:
        """Write what a test found."""
        self._write("test", trainer, meter, params.eidx if self.unit == "epoch" else params.global_step)

    def _write(self, mode: str, trainer: Trainer, meter: Any, step: int) -> None:
        values = dict(meter.numeral_items()) if isinstance(meter, Meter) else {}
        for watched_mode, names, tag in self._watched:
            if watched_mode != mode:
                continue
            found = {name: values.get(name, 0.0) for name in names if name in values or self.empty_mode == "zero"}
            if len(names) == 1 and found:
                trainer.writer.add_scalar(tag, found[names[0]], step)
            elif found:
                trainer.writer.add_scalars(tag, found, step)


class KeyErrorSave(TrainCallback):
    """Saves a keypoint when the user interrupts.

    Args:
        wait_input: Ask before going on; only on a terminal.
    """

    priority = -1

    def __init__(self, wait_input: bool = False) -> None:
        super().__init__()
        self.wait_input = wait_input

    def on_first_exception(
        self, trainer: Trainer, func: Any, params: Any, e: BaseException, *args: Any, **kwargs: Any
    ) -> Any:
        """Save, and let the interrupt end the run unless the user says otherwise."""
        import sys

        if not isinstance(e, KeyboardInterrupt):
            return None
        trainer.logger.info("KeyboardInterrupt; saving a keypoint")
        trainer.save_keypoint({"mode": "KeyboardInterrupt"})
        if self.wait_input and sys.stdin is not None and sys.stdin.isatty():
            return input("go on? [y/N] ").strip().lower() == "y"
        return None
