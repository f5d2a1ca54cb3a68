"""The primitives of a run. Each may be driven by the engine's own loop or by a style that keeps its loop."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from torchalloy.core import Every, RecipeError, Source, Stage, State
from torchalloy.engine._program import LinkedStage, Program, due

__all__ = ["Drive"]


class Drive:
    """Moves one `State` through one `Program`.

    A state that says it is in the middle of a stage is taken up there: that epoch and that stage don't start again,
    and the stage's first `feed` goes on behind the last step taken. `in_epoch` says that stages belong to the epoch
    the state names, for scoring a run that isn't going on.
    """

    def __init__(self, program: Program, state: State, *, in_epoch: bool = False) -> None:
        self.program = program
        self.state = state
        self._epoch_is_open = in_epoch or state.stage != ""
        self._resumed_stage = state.stage
        self._start = state.local_iteration if self._resumed_stage else 0
        self._interrupted = False
        self._linked: LinkedStage | None = None
        self.concluded: dict[str, float] = {}

    @property
    def interrupted(self) -> bool:
        """Whether a stop ended a counting stage in the middle."""
        return self._interrupted

    @property
    def counts(self) -> bool:
        """Whether the current stage moves the run forward; False outside any stage."""
        return self._linked is not None and self._linked.counts

    @contextmanager
    def run(self) -> Iterator[None]:
        """Be in the run: its start, its end, and whatever error ends it are told to the handlers."""
        state = self.state
        state.stop = None
        state.max_epochs, state.max_iterations = self.program.budget.epochs, self.program.budget.iterations
        try:
            for start in self.program.at("run_start"):
                start(self)
            yield
            self._tell("run_end")
        except BaseException as error:
            for handle in self.program.at("error"):
                handle(state, error)
            raise

    def epochs(self) -> Iterator[int]:
        """Yield the number of each epoch, from 1, until the budget is used up or a stop is asked for."""
        while not self._is_over():
            self._open_epoch()
            yield self.state.epoch
            if self._interrupted:
                return
            self.commit()

    def due_stages(self) -> Iterator[Stage]:
        """Yield the stages of the open epoch that are to run, from the one a resumed run is in."""
        for stage in self.program.stages.values():
            if self._interrupted:
                return
            if self._resumed_stage:
                if stage.name == self._resumed_stage:
                    yield stage
            elif stage.when(self.state):
                yield stage

    def perform(self, name: str) -> None:
        """Run the declared stage `name` once, now; inside another stage too."""
        stage = self.program.stages[self.program.linked(name).name]
        step, report, state = stage.step, self.report, self.state
        with self.stage(name):
            for batch in self.feed(stage.batches):
                report(step(batch, state))

    @contextmanager
    def stage(self, name: str, *, counts: bool | None = None) -> Iterator[None]:
        """Be in stage `name`. Opens an epoch if none is open; inside another stage, that one goes on afterwards."""
        self._open_epoch()
        state, outer_stage = self.state, self._linked
        outer = (state.stage, state.local_iteration, state.epoch_length, state.dataloader, state.batch, state.output)
        self._linked = self.program.linked(name, counts)
        if self._resumed_stage == name:
            self._resumed_stage = ""
        else:
            state.stage, state.local_iteration, self._start = name, 0, 0
            state.batch = state.output = None
            self._tell("stage_start")
        try:
            yield
            if not self._interrupted:
                self._tell("stage_end")
        finally:
            self.concluded = {}
            self._linked = outer_stage
        if outer_stage is not None:
            state.stage, state.local_iteration, state.epoch_length, state.dataloader, state.batch, state.output = outer

    def feed(self, batches: Iterable[Any] | Source) -> Iterator[Any]:
        """Yield the current stage's batches, telling the handlers before and after each step.

        Raises: RecipeError: outside a stage, or when a counting stage has no batch at all.
        """
        linked, state = self._linked, self.state
        if linked is None:
            raise RecipeError("batches can only be fed inside a stage")
        counts, before, after = linked.counts, linked.before_step, linked.after_step
        start, self._start = self._start, 0
        count = state.global_iteration if counts else state.local_iteration
        before_due, after_due = due(linked.before_every, count), due(linked.after_every, count)
        stream = self._open(batches, linked, start)
        for batch in stream:
            count += 1
            state.batch = batch
            state.local_iteration += 1
            if counts:
                state.global_iteration = count
            for handle in before:
                handle(state, batch)
            if count >= before_due:
                before_due = _call_due(linked.before_every, count, state, batch)
            yield batch
            for handle in after:
                handle(state, state.output)
            if count >= after_due:
                after_due = _call_due(linked.after_every, count, state, state.output)
            if state.stop is not None and counts:
                self._interrupted = True
                return
        if counts and state.local_iteration == 0 and not self._iterations_are_used_up():
            raise RecipeError(f"stage {linked.name!r} got no batch; its data is empty or was used up before")

    def report(self, output: Any) -> None:
        """Say what the current step returned."""
        self.state.output = output

    def conclude(self, values: Mapping[str, float]) -> None:
        """Say what the current stage as a whole measured; these values take the place of means of the same name."""
        self.concluded = dict(values)

    def commit(self) -> None:
        """End the epoch, if one is open."""
        if not self._epoch_is_open:
            return
        self.state.stage = self._resumed_stage = ""
        self._epoch_is_open = False
        self._tell("epoch_end")

    def _open(self, batches: Iterable[Any] | Source, linked: LinkedStage, start: int) -> Iterator[Any]:
        state = self.state
        length = _length(batches)
        state.epoch_length = min((n for n in (length, linked.limit) if n is not None), default=None)
        state.dataloader = batches  # type: ignore[assignment]
        left = [] if linked.limit is None else [linked.limit - start]
        if linked.counts and state.max_iterations is not None:
            left.append(state.max_iterations - state.global_iteration)
        if self.program.open_source is not None:
            batches = self.program.open_source(linked.name, batches)
        stream = batches.batches(state.epoch, start) if isinstance(batches, Source) else islice(batches, start, None)
        return islice(stream, max(min(left), 0)) if left else stream

    def _open_epoch(self) -> None:
        if self._epoch_is_open:
            return
        self._epoch_is_open = True
        self.state.epoch += 1
        self._tell("epoch_start")

    def _is_over(self) -> bool:
        state = self.state
        if self._epoch_is_open:
            return False
        if state.stop is not None or self._iterations_are_used_up():
            return True
        return state.max_epochs is not None and state.epoch >= state.max_epochs

    def _iterations_are_used_up(self) -> bool:
        return self.state.max_iterations is not None and self.state.global_iteration >= self.state.max_iterations

    def _tell(self, moment: str) -> None:
        for handle in self.program.at(moment):
            handle(self.state)


def _length(batches: Any) -> int | None:
    """Return how many batches there are; a loader may have `__len__` and still not know."""
    try:
        return len(batches)
    except TypeError:
        return None


def _call_due(rhythmic: tuple[Every, ...], count: int, state: State, what: Any) -> int:
    for every in rhythmic:
        if count % every.num_steps == 0:
            every.handle(state, what)
    return due(rhythmic, count)
