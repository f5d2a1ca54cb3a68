"""Evaluations: stages that run when something asks for them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from rich.progress import Progress, TaskID

from torchalloy.adapters.alchemy._loading import bar_for, split_loader
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import Budget, Drive, Handlers, Mean, Recipe, Stage, State, on_demand
from torchalloy.engine import link, run

__all__ = ["Evaluations", "evaluate", "log_and_outputs", "measure"]


def evaluate(split: str = "dev", needs_loss: bool = True, **kwargs: Any) -> dict[str, Any]:
    """Evaluate the present model on `split`, inside a training too. The model is left in evaluation mode.

    Returns: What the last evaluation pipe returned.
    Raises: NoSuchSplit (a KeyError): the split isn't loaded.
    """
    evaluations: Evaluations = sym_tbl().evaluations or Evaluations(())
    return evaluations.perform(split, needs_loss, kwargs)


@dataclass
class Evaluation:
    """One evaluation: what was asked for, and what came out."""

    split: str
    needs_loss: bool = True
    keywords: dict[str, Any] = field(default_factory=dict)
    loader: Any = None
    bar: Progress | None = None
    owns_bar: bool = False
    row: TaskID | None = None
    result: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """Make the loader, get task and model ready, and show a bar."""
        table = sym_tbl()
        self.loader = split_loader(self.split)
        table.task.begin_eval(self.split, **self.keywords)
        table.model.eval()
        running = table.try_get_global("pbar")
        self.bar, self.owns_bar = (bar_for(self.loader, stays=False), True) if running is None else (running, False)
        if self.owns_bar:
            self.bar.start()
        self.row = self.bar.add_task(f"Eval {self.split}", total=_length(self.loader))

    def step(self, batch: Any) -> tuple[str, Any]:
        """Evaluate one batch."""
        with torch.no_grad():
            log, outputs = log_and_outputs(sym_tbl().task.eval_step(batch, self.needs_loss, **self.keywords))
        if self.bar is not None and self.row is not None:
            self.bar.update(self.row, advance=1, description=",".join(filter(None, (f"Eval {self.split}", log))))
        return log, outputs

    def end(self) -> None:
        """Take the bar away and call the evaluation pipes."""
        self.hide()
        self.result = sym_tbl().task.end_eval(self.split, **self.keywords) or {}

    def scores(self) -> dict[str, float]:
        """Return the numbers among what the evaluation pipes returned."""
        return {name: float(value) for name, value in self.result.items() if _is_score(value)}

    def hide(self) -> None:
        """Take the bar away, if it is there."""
        if self.bar is not None and self.row is not None:
            self.bar.remove_task(self.row)
            if self.owns_bar:
                self.bar.stop()
        self.bar = self.row = None


class Evaluations:
    """The evaluations of a run, as on-demand stages of its recipe: `dev` is stage "valid", others keep their name.

    The split `train` is scored in stage "train_eval", since "train" is the training itself.
    """

    def __init__(self, splits: Iterable[str], when: Any = on_demand) -> None:
        self._splits = {stage_of(split): split for split in splits}
        self._when = when
        self._drive: Drive | None = None
        self._asked: Evaluation | None = None
        self._current: Evaluation | None = None
        self.needs_loss = True

    def stages(self) -> tuple[Stage, ...]:
        """Return a stage for each split."""
        return tuple(
            Stage(name, _Batches(self), self._step, when=self._when, counts=False, measure=measure)
            for name in self._splits
        )

    def handlers(self) -> Handlers:
        """Return what begins each evaluation."""
        return Handlers(
            "alchemy.evaluate",
            run_start=self._run_start,
            stage_start=self._begin,
            error=self._fail,
        )

    def batches(self) -> Iterator[Any]:
        """Yield the batches of the evaluation under way, and end it behind the last, while its stage is still on."""
        current = self._current
        assert current is not None
        yield from current.loader
        current.end()
        if self._drive is not None:
            stage = stage_of(current.split)
            self._drive.state.metrics.update({f"{stage}/{name}": score for name, score in current.scores().items()})

    def perform(self, split: str, needs_loss: bool, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate now: inside the run, or by itself where no run is under way or the split isn't among its stages."""
        sym_tbl().task.dataset(split)
        if self._drive is None or stage_of(split) not in self._splits:
            alone = Evaluations((split,), when=lambda _: True)
            return alone._perform_alone(Evaluation(split, needs_loss, dict(keywords)))
        asked = self._asked = Evaluation(split, needs_loss, dict(keywords))
        try:
            self._drive.perform(stage_of(split))
        finally:
            asked.hide()
        return asked.result

    def _perform_alone(self, asked: Evaluation) -> dict[str, Any]:
        self._asked = asked
        run(link(Recipe(self.stages(), Budget(epochs=1), handlers=(self.handlers(),))), State())
        return asked.result

    def _run_start(self, drive: Drive) -> None:
        self._drive = drive

    def _begin(self, state: State) -> None:
        if state.stage in self._splits:
            self._current = self._asked or Evaluation(self._splits[state.stage], self.needs_loss)
            self._asked = None
            self._current.begin()

    def _step(self, batch: Any, _: State) -> tuple[str, Any]:
        assert self._current is not None
        return self._current.step(batch)

    def _fail(self, _: State, error: BaseException) -> None:
        if self._current is not None:
            self._current.hide()


class _Batches:
    """The batches of whichever evaluation is under way."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations

    def batches(self, epoch: int, start: int) -> Iterator[Any]:
        """Return the batches from the first on; an evaluation is never entered in its middle."""
        return self._evaluations.batches()


def stage_of(split: str) -> str:
    """Return the name of the stage that scores `split`.

    >>> [stage_of(split) for split in ("dev", "test", "train")]
    ['valid', 'test', 'train_eval']
    """
    return {"dev": "valid", "train": "train_eval"}.get(split, split)


def log_and_outputs(returned: Any) -> tuple[str, Any]:
    """Return (log, outputs) of what a task's step returned: that pair, or the log alone."""
    return (returned, None) if isinstance(returned, str) else returned


def measure(returned: tuple[str, Any]) -> dict[str, Any]:
    """Return the loss and every `Mean` among the outputs of a step."""
    outputs = returned[1]
    if not isinstance(outputs, Mapping):
        return {}
    losses = {name: value for name, value in outputs.items() if name == "loss" and value is not None}
    return losses | {name: value for name, value in outputs.items() if isinstance(value, Mean)}


def _is_score(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None
