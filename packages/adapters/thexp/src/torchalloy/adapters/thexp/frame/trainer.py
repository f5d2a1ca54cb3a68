"""The Trainer: the user says what happens to a batch, callbacks say what happens around it, the engine runs it."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from torchalloy.adapters.thexp._place import RUN_PLACE
from torchalloy.adapters.thexp._training import Training
from torchalloy.adapters.thexp.frame._files import TrainerFiles
from torchalloy.adapters.thexp.frame.callbacks import Callback, EvalCallback, LoggerCallback
from torchalloy.adapters.thexp.frame.databundler import DataBundler
from torchalloy.adapters.thexp.frame.experiment import Experiment
from torchalloy.adapters.thexp.frame.logger import Logger
from torchalloy.adapters.thexp.frame.params import BaseParams
from torchalloy.adapters.thexp.frame.rndmanager import RndManager
from torchalloy.adapters.thexp.frame.saver import Saver
from torchalloy.core import Recipe, RecipeError, Source, State, Stateful

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["BaseTrainer", "Trainer"]

INITIALS = ("initial_trainer", "initial_models", "initial_datasets", "initial_callback")
LATER_INITIALS = ("callbacks", "models", "datasets")
GIVEN_AWAY = ("train", "train_epoch")  # the engine runs these; callbacks are told at their moments


class Trainer(TrainerFiles):
    """Base of a user's trainer, who writes `train_batch` and the initial methods.

    A subclass that writes any of `initial_trainer`, `initial_models`, `initial_datasets`, `initial_callback` is
    initialised by `initial_exp(directory)`; one that writes `models`, `datasets` or `callbacks` instead, by its
    construction. Modules and optimizers are registered by being assigned to attributes.

    Args:
        params: `eidx`, `idx` and `global_step` in it say where the training is.
    """

    _call_backs = frozenset({
        "train", "train_epoch", "train_on_batch", "train_batch", "test", "eval", "test_eval_logic",
        "predict", "regist_databundler", "load_keypoint", "load_checkpoint", "load_model",
        "save_keypoint", "save_checkpoint", "save_model",
    })  # fmt: skip
    __exp_name__: str | None = None

    params: Any  # the user's own Params
    model_dict: dict[str, nn.Module]
    optim_dict: dict[str, Optimizer]
    vector_dict: dict[str, Any]
    other_dict: dict[str, Any]
    training: Training | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Trainer:
        trainer = super().__new__(cls)
        for registered in ("model_dict", "optim_dict", "vector_dict", "other_dict"):
            object.__setattr__(trainer, registered, {})
        names = frozenset().union(*(vars(base).get("_call_backs", ()) for base in cls.__mro__))
        for name in sorted(names.difference(GIVEN_AWAY)):
            if hasattr(cls, name):
                object.__setattr__(trainer, name, _told(trainer, name))
        return trainer

    def __init__(self, params: BaseParams) -> None:
        if type(self).train_epoch is not Trainer.train_epoch:
            raise RecipeError(
                f"{type(self).__name__} writes its own train_epoch, which would never be called: the engine runs epochs"
            )
        self.params = params
        self.device = torch.device(self.params.device)
        self.databundler_dict: dict[str, DataBundler] = {}
        self.callback_list: list[Callback] = []
        self.train_epoch_toggle = False
        self.train_toggle = False
        self.training = None
        self._place = RUN_PLACE.get()
        self._experiment: Experiment | None = None
        self._saver: Saver | None = None
        self._rnd: RndManager | None = None
        self._writer: SummaryWriter | None = None
        self._metrics: dict[str, Any] = {}
        self._told_error: BaseException | None = None
        self._is_initialised = False
        if _writes(self, LATER_INITIALS) and not _writes(self, INITIALS):
            self._initialise()

    def __setattr__(self, name: str, value: Any) -> None:
        for registered, belongs in self._registers():
            registered.pop(name, None)
            if not name.startswith("_") and belongs(value):
                registered[name] = value
                break
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for registered, _ in self._registers():
            registered.pop(name, None)
        object.__delattr__(self, name)

    # What the user writes ---------------------------------------------------------------------------------------------

    def initial_trainer(self, params: Any) -> None:
        """Make models, optimizers and data; for subclasses to write."""

    def initial_models(self, params: Any) -> None:
        """Make the models; for subclasses to write."""

    def initial_datasets(self, params: Any) -> None:
        """Make the data; for subclasses to write."""

    def initial_callback(self) -> None:
        """Hook the callbacks; for subclasses to write."""
        EvalCallback(1, 5).hook(self)
        LoggerCallback().hook(self)

    def models(self, params: Any) -> None:
        """Make the models, in the later manner; for subclasses to write."""

    def datasets(self, params: Any) -> None:
        """Make the data, in the later manner; for subclasses to write."""

    def callbacks(self, params: Any) -> None:
        """Hook the callbacks, in the later manner; for subclasses to write."""

    def train_batch(
        self, eidx: int, idx: int, global_step: int, batch_data: Any, params: Any, device: torch.device
    ) -> Any:
        """Learn from one batch and return a Meter; for subclasses to write."""
        raise NotImplementedError(f"{type(self).__name__} doesn't write train_batch")

    def test_eval_logic(self, dataloader: Any, param: Any) -> Any:
        """Score the models on `dataloader` and return a Meter; for subclasses to write."""
        return None

    def predict(self, xs: Any) -> Any:
        """Return what the models say of `xs`; for subclasses to write."""
        return None

    # The experiment ---------------------------------------------------------------------------------------------------

    def initial_exp(self, *exps_dir: str | Path) -> None:
        """Begin the experiment in `<exps_dir>/<the parameters' name>`, and initialise the trainer.

        In a run that a config described, the experiment is the run's folder.
        """
        if self._is_initialised:
            warnings.warn(
                f"{type(self).__name__} is initialised already; initial_exp only moves its experiment", stacklevel=2
            )
        if self._place is None:
            self._begin_experiment(Experiment(Path(*exps_dir, self.params.get_exp_name())))
        if not self._is_initialised:
            self._initialise()

    def initial_run(self) -> None:
        """Initialise the trainer for a run that a config described, unless it is already."""
        if self._place is not None and self._place.folder is not None:
            self.logger.add_log_dir(self.experiment.hold_exp_part("logs", [".log"]))
        if not self._is_initialised:
            self._initialise()

    @property
    def has_experiment(self) -> bool:
        """Whether the experiment has begun, which otherwise happens when it is first asked for."""
        return self._experiment is not None

    @property
    def experiment(self) -> Experiment:
        """The experiment; where none was begun, one beside the main script."""
        if self._experiment is None:
            if self._place is None:
                self._begin_experiment(
                    Experiment(_beside_main() / (self.__exp_name__ or self.params._exp_name or type(self).__name__))
                )
            else:
                self._experiment = Experiment(self._place.folder or self._temporary())
        assert self._experiment is not None
        return self._experiment

    @property
    def logger(self) -> Logger:
        """The process's logger."""
        return Logger()

    @property
    def saver(self) -> Saver:
        """What saves files into the experiment's `modules/`."""
        if self._saver is None:
            self._saver = Saver(self.experiment.hold_exp_part("modules", [".pth", ".ckpt", ".json"]))
        return self._saver

    @property
    def rnd(self) -> RndManager:
        """What keeps random states in the experiment's `rnd/`."""
        if self._rnd is None:
            self._rnd = RndManager(self.experiment.hold_exp_part("rnd", [".rnd"]))
        return self._rnd

    @property
    def writer(self) -> SummaryWriter:
        """A TensorBoard writer into the experiment's `board/`."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self.experiment.hold_exp_part("board", [".bd"]), filename_suffix=".bd")
        return self._writer

    writter = writer  # thexp spells it so

    # Data -------------------------------------------------------------------------------------------------------------

    def regist_databundler(self, train: Any = None, eval: Any = None, test: Any = None) -> None:
        """Say what to train, evaluate and test on: DataBundlers or loaders.

        Raises: AssertionError: something else.
        """
        for mode, data in (("train", train), ("eval", eval), ("test", test)):
            if data is not None:
                fits = isinstance(data, DataBundler | DataLoader | Source)
                assert fits, f"{mode}: expected a DataBundler or a DataLoader, got {type(data).__name__}"
                self.databundler_dict[mode] = data if isinstance(data, DataBundler) else DataBundler().add(data)

    @property
    def train_dataloader(self) -> DataBundler | None:
        """The training data."""
        return self.databundler_dict.get("train")

    @property
    def eval_dataloader(self) -> DataBundler | None:
        """The evaluation data."""
        return self.databundler_dict.get("eval")

    @property
    def test_dataloader(self) -> DataBundler | None:
        """The test data."""
        return self.databundler_dict.get("test")

    def iter_train_dataloader(self) -> Iterator[Any]:
        """Return an iterator over the training data."""
        return iter(self.databundler_dict["train"])

    def iter_eval_dataloader(self) -> Iterator[Any]:
        """Return an iterator over the evaluation data."""
        return iter(self.databundler_dict["eval"])

    def iter_test_dataloader(self) -> Iterator[Any]:
        """Return an iterator over the test data."""
        return iter(self.databundler_dict["test"])

    @property
    def num_train_batches(self) -> int | None:
        """Batches in an epoch of training, or None where nobody knows."""
        bundler = self.train_dataloader
        return len(bundler) if bundler is not None and bundler.is_sized else None

    # Running ----------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Train from epoch `params.eidx` to `params.epoch`, as a run of torchalloy's in the experiment's directory.

        Nothing happens when these epochs are over; raise `params.epoch` to train on.

        Raises: RecipeError: the trainer isn't initialised, or has no training data. Whatever `train_batch` raises,
            unless a callback answers that it is to be ignored.
        """
        from torchalloy.runtime import run_recipe

        params = self.params
        if not self._is_initialised:
            raise RecipeError(f"{type(self).__name__} isn't initialised; call initial_exp(directory) before train()")
        if params.eidx > params.epoch:
            return
        self.train_toggle = False
        training, state = (
            Training(self),
            State(epoch=params.eidx - 1, global_iteration=params.global_step, metrics=self._metrics),
        )
        speaks = self.logger.stdout and any(
            isinstance(callback, LoggerCallback) and callback.enable for callback in self.callback_list
        )
        try:
            run_recipe(
                training.recipe(), style="trainer", folder=Path(self.experiment.exp_dir),
                config={"params": _plain(dict(params.items()))}, state=state, progress=not speaks,
            )  # fmt: skip
        except BaseException:
            if not training.forgiven:
                raise
        finally:
            self._metrics = state.metrics

    def train_epoch(self, eidx: int, params: Any) -> None:
        """Train one epoch; `train` does."""
        raise RecipeError("train_epoch can't be called by itself; set params.epoch and call train()")

    def recipe(self, *, quiet: bool = False) -> Recipe:
        """Return this trainer as data that torchalloy runs; `quiet` keeps its logger off standard output.

        Raises: RecipeError: it has no training data.
        """
        return Training(self, quiet=quiet).recipe()

    def train_on_batch(self, batch_data: Any) -> Any:
        """Learn from one batch, outside any epoch."""
        params = self.params
        self.set_mode(training=True)
        meter = self.train_batch(params.eidx, params.idx, params.global_step, batch_data, params, self.device)
        self.set_mode(training=False)
        params.global_step += 1
        return meter

    feed_batchdata = train_on_batch

    def eval(self) -> Any:
        """Score on the evaluation data; return what `test_eval_logic` does, or None without data."""
        return self._score("eval")

    def test(self) -> Any:
        """Score on the test data; return what `test_eval_logic` does, or None without data."""
        return self._score("test")

    def has_score(self, mode: str) -> bool:
        """Return whether there is something to score by: data for `mode`, and the user's `test_eval_logic`."""
        return mode in self.databundler_dict and type(self).test_eval_logic is not Trainer.test_eval_logic

    def stop_train(self) -> None:
        """End the training after this epoch."""
        self.train_toggle = True

    def stop_current_epoch(self) -> None:
        """End this epoch after this batch."""
        self.train_epoch_toggle = True

    def to(self, device: str | torch.device) -> Trainer:
        """Move the registered models to `device`, which `train_batch` is told from now on."""
        self.device = torch.device(device)
        for model in self.model_dict.values():
            model.to(self.device)
        return self

    def set_mode(self, *, training: bool) -> None:
        """Put all registered models into training or evaluation mode."""
        for model in self.model_dict.values():
            model.train(training)

    # Callbacks --------------------------------------------------------------------------------------------------------

    def add_callback(self, callback: Callback) -> bool:
        """Tell `callback` from now on; return False, and tell it so, where one of its class is there."""
        if any(type(other).__name__ == type(callback).__name__ for other in self.callback_list):
            callback.on_hook_failed(self, "Callback duplicate.")
            return False
        self.callback_list.append(callback)
        self.callback_list.sort(key=lambda known: known.priority)
        callback.trainer = self
        callback.on_hooked(self, self.params)
        return True

    def remove_callback(self, callback: Callback | type[Callback] | str) -> bool:
        """Tell a callback (itself, its class or its class's name) no more; return whether it was there."""
        for known in self.callback_list:
            if callback in (known, type(known), type(known).__name__):
                self.callback_list.remove(known)
                known.trainer = None
                return True
        return False

    def reload_callback(self, callback: Callback) -> bool:
        """Put `callback` in the place of the one of its class."""
        self.remove_callback(type(callback).__name__)
        return self.add_callback(callback)

    def tell_begin(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell the callbacks that a method begins."""
        for callback in self._told_callbacks():
            callback.on_begin(self, getattr(self, name), self.params, *args, **kwargs)

    def tell_end(self, name: str, result: Any, *args: Any, **kwargs: Any) -> None:
        """Tell the callbacks what a method returned."""
        for callback in self._told_callbacks():
            callback.on_end(self, getattr(self, name), self.params, result, *args, **kwargs)

    def tell_exception(self, name: str, error: BaseException, *args: Any, **kwargs: Any) -> bool:
        """Tell the callbacks what a method raised; return whether one of them wants it ignored."""
        is_first, self._told_error = error is not self._told_error, error
        forgiven = False
        for callback in self._told_callbacks():
            method = getattr(self, name)
            answer = callback.on_exception(self, method, self.params, error, *args, **kwargs)
            first = callback.on_first_exception(self, method, self.params, error, *args, **kwargs) if is_first else None
            forgiven = bool(answer if first is None else first) or forgiven
        return forgiven

    def _initialise(self) -> None:
        self._is_initialised = True
        if _writes(self, LATER_INITIALS) and not _writes(self, INITIALS):
            self.callbacks(self.params)
            self.models(self.params)
            self.datasets(self.params)
        else:
            self.initial_trainer(self.params)
            self.initial_models(self.params)
            self.initial_datasets(self.params)
            self.initial_callback()

    def _begin_experiment(self, experiment: Experiment) -> None:
        self._experiment, self._saver, self._rnd, self._writer = experiment, None, None, None
        experiment.start_exp()
        self.logger.add_log_dir(experiment.hold_exp_part("logs", [".log"]))
        for part in ("modules", "plot", "rnd", "board"):
            experiment.hold_exp_part(part)

    def _temporary(self) -> str:
        self._temporary_folder = tempfile.TemporaryDirectory(prefix="alloy-")  # goes when the trainer goes
        return self._temporary_folder.name

    def _score(self, mode: str) -> Any:
        bundler = self.databundler_dict.get(mode)
        if bundler is None:
            self.logger.info(f"no {mode} data was registered", prefix=mode)
            return None
        modes = {name: model.training for name, model in self.model_dict.items()}
        self.set_mode(training=False)
        if self.training is not None and self.has_score(mode):
            meter = self.training.score(mode, bundler)
        else:
            meter = self.test_eval_logic(bundler, self.params)
        for name, was_training in modes.items():
            self.model_dict[name].train(was_training)
        return meter

    def _registers(self) -> tuple[tuple[dict[str, Any], Callable[[Any], bool]], ...]:
        return (
            (self.model_dict, lambda value: isinstance(value, nn.Module)),
            (self.optim_dict, lambda value: isinstance(value, Optimizer)),
            (self.vector_dict, lambda value: isinstance(value, Tensor | np.ndarray)),
            (self.other_dict, lambda value: isinstance(value, Stateful) and not isinstance(value, type)),
        )

    def _told_callbacks(self) -> list[Callback]:
        return [callback for callback in self.callback_list if callback.enable]


BaseTrainer = Trainer


def _told(trainer: Trainer, name: str) -> Callable[..., Any]:
    """Return a method of `trainer` that tells the callbacks before and after."""
    method = getattr(trainer, name)

    @wraps(method)
    def told(*args: Any, **kwargs: Any) -> Any:
        trainer.tell_begin(name, *args, **kwargs)
        try:
            result = _last(method(*args, **kwargs))
        except BaseException as error:
            if trainer.tell_exception(name, error, *args, **kwargs):
                return None
            raise
        trainer.tell_end(name, result, *args, **kwargs)
        return result

    return told


def _last(result: Any) -> Any:
    """Return the last item of an iterator, and anything else as it is."""
    if not isinstance(result, Iterator):
        return result
    item = None
    for item in result:  # noqa: B007  the last one is what counts
        pass
    return item


def _writes(trainer: Trainer, names: Iterable[str]) -> bool:
    return any(getattr(type(trainer), name) is not getattr(Trainer, name) for name in names)


def _beside_main() -> Path:
    script = getattr(sys.modules["__main__"], "__file__", None)
    return Path(os.path.dirname(os.path.abspath(script)) if script else os.getcwd()) / "experiment"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
