"""A trainer as work for the engine: its epochs, its scores, and what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torchalloy.adapters.thexp.base_classes.trickitems import AvgItem
from torchalloy.adapters.thexp.frame.databundler import DataBundler
from torchalloy.adapters.thexp.frame.meter import AvgMeter, Meter
from torchalloy.core import Budget, Drive, OwnedRun, Recipe, RecipeError, Source, Stateful
from torchalloy.data import as_source
from torchalloy.distributed import reduce_means
from torchalloy.optim import canonical_parts, scalars

if TYPE_CHECKING:
    from torchalloy.adapters.thexp.frame.trainer import Trainer

__all__ = ["Training"]

STAGES = {"eval": "valid", "test": "test"}


class Training:
    """One run of a trainer on the engine.

    Args:
        trainer: Initialised, with training data.
        quiet: Keep thexp's logger off standard output meanwhile; its files get everything.

    Attributes:
        forgiven: Whether a callback answered that the error which ended the run is to be ignored.
    """

    def __init__(self, trainer: Trainer, *, quiet: bool = False) -> None:
        if "train" not in trainer.databundler_dict:
            raise RecipeError(f"{type(trainer).__name__} has no training data; call regist_databundler(train=...)")
        self.trainer = trainer
        self.forgiven = False
        self._quiet = quiet
        self._drive: Drive | None = None
        self._means = AvgMeter()
        self._source = _stream(trainer.databundler_dict["train"], self)

    def recipe(self) -> Recipe:
        """Return the run as data."""
        trainer = self.trainer
        scored = [STAGES[mode] for mode in STAGES if trainer.has_score(mode)]
        work = OwnedRun(self._run, self._evaluate if scored else None, stages=("train", *scored))
        parts: dict[str, Stateful] = canonical_parts(vars(trainer))
        return Recipe(work, Budget(epochs=trainer.params.epoch), {**parts, "style": _Rest(self, parts)})

    def score(self, mode: str, bundler: DataBundler) -> Any:
        """Run the user's `test_eval_logic` as a stage of the run, and return what it returned."""
        drive, trainer = self._drive, self.trainer
        assert drive is not None
        with drive.stage(STAGES[mode], counts=False):
            meter = trainer.test_eval_logic(_Fed(bundler, drive), trainer.params)
            drive.conclude(_means_over_ranks(meter))
        return meter

    def _run(self, drive: Drive) -> None:
        with self._attached(drive):
            try:
                self._train(drive)
            except BaseException as error:
                self.forgiven = self._tell_error(error)
                raise

    def _train(self, drive: Drive) -> None:
        trainer, state = self.trainer, drive.state
        self._take_position(drive)
        trainer.tell_begin("train")
        for _ in drive.epochs():
            is_resumed = state.stage == "train"
            with drive.stage("train"):
                trainer.set_mode(training=True)
                if not is_resumed:
                    self._begin_epoch()
                self._train_batches(drive)
            if not drive.interrupted:
                self._end_epoch(drive)
        if drive.interrupted and state.stop == "signal SIGINT":
            trainer.tell_exception("train", KeyboardInterrupt(state.stop))

    def _take_position(self, drive: Drive) -> None:
        """Let the parameters say where the run is, which may have been resumed."""
        params, state = self.trainer.params, drive.state
        params.eidx = max(state.epoch, 1) if state.stage else state.epoch + 1
        params.global_step = state.global_iteration

    def _begin_epoch(self) -> None:
        trainer = self.trainer
        self._means = AvgMeter()
        trainer.train_epoch_toggle = False
        trainer.tell_begin("train_epoch", trainer.params.eidx, trainer.params)

    def _train_batches(self, drive: Drive) -> None:
        trainer, params, state, means = self.trainer, self.trainer.params, drive.state, self._means
        for batch in drive.feed(self._source):
            idx = state.local_iteration - 1
            meter = trainer.train_batch(params.eidx, idx, params.global_step, batch, params, trainer.device)
            means.update(meter)
            params.global_step += 1
            params.idx = idx
            drive.report(_scalars(meter))

    def _end_epoch(self, drive: Drive) -> None:
        trainer, params, state = self.trainer, self.trainer.params, drive.state
        trainer.set_mode(training=False)
        trainer.tell_end("train_epoch", self._means, params.eidx, params)
        params.eidx += 1
        if trainer.train_toggle:
            state.stop = "stop_train"
        if state.stop is not None or (state.max_epochs is not None and state.epoch >= state.max_epochs):
            trainer.tell_end("train", None)

    def _tell_error(self, error: BaseException) -> bool:
        trainer, params = self.trainer, self.trainer.params
        epoch_forgives = trainer.tell_exception("train_epoch", error, params.eidx, params)
        return trainer.tell_exception("train", error) or epoch_forgives

    def _evaluate(self, drive: Drive) -> None:
        """Score the present weights on everything there is to score on."""
        with self._attached(drive):
            self.trainer.params.eidx = drive.state.epoch
            for mode in STAGES:
                if self.trainer.has_score(mode):
                    getattr(self.trainer, mode)()

    @contextmanager
    def _attached(self, drive: Drive) -> Iterator[None]:
        trainer, logger = self.trainer, self.trainer.logger
        stdout = logger.stdout
        self._drive, trainer.training, logger.stdout = drive, self, stdout and not self._quiet
        try:
            yield
        finally:
            self._drive, trainer.training, logger.stdout = None, None, stdout


class _Rest:
    """What a trainer keeps besides models and optimizers: the part only this style understands."""

    def __init__(self, training: Training, parts: Mapping[str, Stateful]) -> None:
        self._training = training
        self._named = {id(part) for part in parts.values()}

    def state_dict(self) -> dict[str, Any]:
        """Return the means of the epoch under way, and the state of callbacks and of the trainer's other objects."""
        trainer = self._training.trainer
        return {
            "trainer": type(trainer).__name__,
            "idx": trainer.params.idx,
            "means": self._training._means.state_dict(),
            "callbacks": {type(callback).__name__: callback.state_dict() for callback in self._callbacks()},
            "others": {name: thing.state_dict() for name, thing in self._others().items()},
            "vectors": dict(trainer.vector_dict),
        }

    def load_state_dict(self, state: Any) -> None:
        """Put them back; what another style kept here means nothing to a trainer."""
        if not isinstance(state, Mapping) or "means" not in state or "trainer" not in state:
            return
        trainer = self._training.trainer
        trainer.params.idx = state["idx"]
        self._training._means.load_state_dict(state["means"])
        for callback in self._callbacks():
            if type(callback).__name__ in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][type(callback).__name__])
        for name, thing in self._others().items():
            if name in state["others"]:
                thing.load_state_dict(state["others"][name])
        for name, vector in state["vectors"].items():
            setattr(trainer, name, vector)

    def _callbacks(self) -> list[Any]:
        return [callback for callback in self._training.trainer.callback_list if isinstance(callback, Stateful)]

    def _others(self) -> dict[str, Any]:
        return {
            name: thing for name, thing in self._training.trainer.other_dict.items() if id(thing) not in self._named
        }


class _Stream:
    """The training batches of an epoch, ending early when the trainer says so."""

    def __init__(self, source: Source, training: Training) -> None:
        self._source = source
        self._training = training

    def batches(self, epoch: int, start: int) -> Iterator[Any]:
        """Return the batches of `epoch` from position `start`."""
        for batch in self._source.batches(epoch, start):
            yield batch
            if self._training.trainer.train_epoch_toggle:
                return

    def state_dict(self) -> Any:
        """Return the source's state, if it has one."""
        return self._source.state_dict() if isinstance(self._source, Stateful) else {}

    def load_state_dict(self, state: Any) -> None:
        """Give the source its state back."""
        if isinstance(self._source, Stateful):
            self._source.load_state_dict(state)


class _SizedStream(_Stream):
    """A stream whose epochs have a length."""

    def __init__(self, source: Source, training: Training, bundler: DataBundler) -> None:
        super().__init__(source, training)
        self._bundler = bundler

    def __len__(self) -> int:
        return len(self._bundler)


def _stream(bundler: DataBundler, training: Training) -> _Stream:
    source = as_source(bundler.source())
    return _SizedStream(source, training, bundler) if bundler.is_sized else _Stream(source, training)


class _Fed:
    """A bundler whose batches are steps of the run; everything else is the bundler's own."""

    def __init__(self, bundler: DataBundler, drive: Drive) -> None:
        self._bundler = bundler
        self._drive = drive

    def __iter__(self) -> Iterator[Any]:
        for batch in self._drive.feed(self._bundler.source()):
            self._drive.report(None)
            yield batch

    def __len__(self) -> int:
        return len(self._bundler)

    def __getitem__(self, name: str) -> Any:
        return self._bundler[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_bundler"], name)


def _named(meter: Any) -> Iterable[tuple[str, Any]]:
    return meter.items() if isinstance(meter, Meter | Mapping) else ()


def _scalars(meter: Any) -> dict[str, Any]:
    return scalars(dict(_named(meter)))


def _means_over_ranks(meter: Any) -> dict[str, float]:
    """Return the numbers of a meter, over all ranks: sums of an AvgMeter are added, other numbers averaged."""
    sums = {name: (value.total, value.count) for name, value in _named(meter) if isinstance(value, AvgItem)}
    single = {name: value for name, value in _named(meter) if name not in sums}
    sums |= {name: (float(value), 1.0) for name, value in scalars(single).items()}
    names = sorted(sums)
    reduced = reduce_means([sums[name] for name in names])
    return {name: total / count for name, (total, count) in zip(names, reduced, strict=True) if count}
