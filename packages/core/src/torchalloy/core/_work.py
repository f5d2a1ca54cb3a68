"""What a style compiles to: frozen data that the engine links and runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torchalloy.core._state import State
from torchalloy.core._stateful import Stateful

__all__ = [
    "AfterStep",
    "BeforeStep",
    "Budget",
    "Drive",
    "Every",
    "Handlers",
    "Mean",
    "OnError",
    "OnState",
    "OwnedRun",
    "Recipe",
    "RunStart",
    "Source",
    "Stage",
    "Step",
    "always",
    "on_demand",
]


class Mean(NamedTuple):
    """A metric as sum and count, so that means over batches, windows and ranks are exact.

    `total` and `count` are numbers or 0-d tensors on any device; nothing reads them back before a window ends.
    """

    total: Any
    count: Any


class Step(Protocol):
    """One call on one batch. Returns named scalars (numbers, 0-d tensors or `Mean`); tensors stay on the device."""

    def __call__(self, batch: Any, state: State, /) -> Any: ...


@runtime_checkable
class Source(Protocol):
    """Batches with an exact address: the stream of an epoch can be entered at any position."""

    def batches(self, epoch: int, start: int) -> Iterator[Any]:
        """Return the batches of `epoch` (from 1) from position `start` (0-based, in batches) on."""
        ...


def always(_: State) -> bool:
    """A stage that runs in every epoch."""
    return True


def on_demand(_: State) -> bool:
    """A stage that runs only when something asks `drive.perform(name)` for it."""
    return False


@dataclass(frozen=True, slots=True)
class Stage:
    """One pass over data: train, valid, test...

    Attributes:
        name: Unique in the recipe.
        batches: A `Source`, or any iterable.
        step: Called once a batch.
        when: Asked once an epoch whether the stage runs in it.
        counts: True for training: its steps move `State.global_iteration`, checkpoints may fall inside it, and a
            stop is honoured inside it. A stage that doesn't count always runs to its end.
        limit: Steps after which the stage ends though batches are left; None for all.
        measure: Reads the named scalars out of what `step` returns; None where `step` returns them itself.
    """

    name: str
    batches: Iterable[Any] | Source
    step: Step
    when: Callable[[State], bool] = always
    counts: bool = True
    limit: int | None = None
    measure: Callable[[Any], Mapping[str, Any]] | None = None


class Drive(Protocol):
    """The engine's primitives, for a handler or a style that runs stages itself."""

    state: State

    @property
    def counts(self) -> bool:
        """Whether the current stage moves the run forward; False outside any stage."""
        ...

    def epochs(self) -> Iterator[int]:
        """Yield the number of each epoch until the budget is used up or a stop is asked for, and end each."""
        ...

    def perform(self, name: str) -> None:
        """Run the recipe's stage `name` once, now; inside another stage too."""

    def stage(self, name: str, *, counts: bool = ...) -> AbstractContextManager[None]:
        """Be in stage `name` for the length of a `with` block; opens an epoch if none is open."""
        ...

    def feed(self, batches: Iterable[Any] | Source) -> Iterator[Any]:
        """Give the current stage its batches, one a step, from where a resumed run left off."""
        ...

    def report(self, output: Any) -> None:
        """Say what the current step returned."""

    def conclude(self, values: Mapping[str, float]) -> None:
        """Say what the current stage as a whole measured; these values take the place of means of the same name."""

    @property
    def interrupted(self) -> bool:
        """Whether a stop ended a counting stage in the middle; the loop should return then, without a commit."""
        ...

    def commit(self) -> None:
        """End the epoch."""


@dataclass(frozen=True, slots=True)
class OwnedRun:
    """Work of a style that keeps its own loop and drives the primitives.

    Attributes:
        run: The whole loop; returns when the budget is used up or `drive.state.stop` is set.
        evaluate: Scores the present weights once, or None if the user's code has no such thing.
        stages: The stage names the loop is known to use, for `alloy explain`; may be empty.
        saves: Asked at the end of each epoch whether to write a checkpoint; None leaves it to the run's rhythm.
    """

    run: Callable[[Drive], None]
    evaluate: Callable[[Drive], None] | None = None
    stages: tuple[str, ...] = ()
    saves: Callable[[State], bool] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a run lasts. An `OwnedRun` may leave both open and stop by itself.

    Attributes:
        epochs: Epochs in the whole run; >= 1.
        iterations: Counting steps in the whole run; >= 1.
    """

    epochs: int | None = None
    iterations: int | None = None


RunStart = Callable[[Drive], None]
OnState = Callable[[State], None]
BeforeStep = Callable[[State, Any], None]
AfterStep = Callable[[State, Any], None]
OnError = Callable[[State, BaseException], None]


@dataclass(frozen=True, slots=True)
class Every:
    """A step handler that is called every `num_steps` steps, or only in one stage, or both.

    Steps are those of the run (`global_iteration`) in a counting stage and those of the stage elsewhere, so the
    rhythm survives a resume.
    """

    num_steps: int
    handle: Callable[[State, Any], None]
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Handlers:
    """Callables for the moments of a run; a field left None costs nothing.

    Order at each moment: the recipe's handlers first, then those of plugins and the runtime, each in the order given.
    `epoch_start`/`stage_start` aren't called again when a run resumes in the middle of the epoch or stage.
    `stage_end`/`epoch_end` aren't called when a run stops in the middle. `run_end` is called after a stop, not after
    an error; `error` gets whatever ended the run.
    """

    name: str
    run_start: RunStart | None = None
    epoch_start: OnState | None = None
    stage_start: OnState | None = None
    before_step: BeforeStep | Every | None = None
    after_step: AfterStep | Every | None = None
    stage_end: OnState | None = None
    epoch_end: OnState | None = None
    run_end: OnState | None = None
    error: OnError | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole run as data.

    Attributes:
        work: Stages in the order of an epoch, or a loop of the style's own.
        budget: When the run is over.
        parts: What a checkpoint keeps, by canonical name: `model`, `optimizer`, `schedule`, `ema`, `scaler`,
            several of a kind as `model.generator`, ...; `style` for what only this style understands.
        handlers: The style's own handlers.
    """

    work: tuple[Stage, ...] | OwnedRun
    budget: Budget = Budget()
    parts: Mapping[str, Stateful] = field(default_factory=dict)
    handlers: tuple[Handlers, ...] = ()
