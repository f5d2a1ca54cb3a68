"""A recipe with its handlers folded into tuples: everything the loop will call, decided before the first batch."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torchalloy.core import Budget, Every, Handlers, OwnedRun, RecipeError, Source, Stage, did_you_mean

__all__ = ["LinkedStage", "OpenSource", "Program", "Row"]

OpenSource = Callable[[str, Iterable[Any] | Source], Source]

MOMENTS = (
    "run_start",
    "epoch_start",
    "stage_start",
    "before_step",
    "after_step",
    "stage_end",
    "epoch_end",
    "run_end",
    "error",
)


@dataclass(frozen=True, slots=True)
class LinkedStage:
    """What happens around the steps of one stage: plain callables, and those with a rhythm beside them."""

    name: str
    counts: bool
    limit: int | None
    before_step: tuple[Callable[..., None], ...]
    after_step: tuple[Callable[..., None], ...]
    before_every: tuple[Every, ...]
    after_every: tuple[Every, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `alloy explain`: who is called at which moment."""

    moment: str
    handler: str
    rhythm: str = ""


@dataclass(frozen=True)
class Program:
    """A run ready to start.

    Attributes:
        stages: The declared stages by name, in the order of an epoch; empty for an owned run.
        owned: The style's own loop, or None.
        budget: When the run is over.
        handlers: Everybody who is called, in order.
        open_source: Makes batches that are no `Source` into one for the named stage, or None to walk through them.
    """

    stages: dict[str, Stage]
    owned: OwnedRun | None
    budget: Budget
    handlers: tuple[Handlers, ...]
    open_source: OpenSource | None = None
    _linked: dict[tuple[str, bool], LinkedStage] = field(default_factory=dict, repr=False)

    def at(self, moment: str) -> tuple[Callable[..., None], ...]:
        """Return the callables of a moment that isn't a step, in order."""
        return tuple(handle for handlers in self.handlers if (handle := getattr(handlers, moment)) is not None)

    def linked(self, name: str, counts: bool | None = None) -> LinkedStage:
        """Return what happens around the steps of stage `name`.

        An owned run may name any stage; it counts if it says so, else only if it is called "train".
        """
        declared = self.stages.get(name)
        if declared is None and self.owned is None:
            raise RecipeError(f"no stage named {name!r}; {did_you_mean(name, self.stages)}")
        if counts is None:
            counts = declared.counts if declared else name == "train"
        key = (name, counts)
        if key not in self._linked:
            self._linked[key] = self._link(name, counts, declared.limit if declared else None)
        return self._linked[key]

    def table(self) -> list[Row]:
        """Return who is called at each moment, in the order they are called."""
        return [row for moment in MOMENTS for row in self._rows(moment)]

    def _rows(self, moment: str) -> Iterator[Row]:
        for handlers in self.handlers:
            handle = getattr(handlers, moment)
            if isinstance(handle, Every):
                yield Row(moment, handlers.name, _rhythm(handle))
            elif handle is not None:
                yield Row(moment, handlers.name)

    def _link(self, name: str, counts: bool, limit: int | None) -> LinkedStage:
        before, before_every = self._split("before_step", name)
        after, after_every = self._split("after_step", name)
        return LinkedStage(name, counts, limit, before, after, before_every, after_every)

    def _split(self, moment: str, stage: str) -> tuple[tuple[Callable[..., None], ...], tuple[Every, ...]]:
        plain: list[Callable[..., None]] = []
        rhythmic: list[Every] = []
        for handle in self.at(moment):
            if not isinstance(handle, Every):
                plain.append(handle)
            elif handle.stage in (None, stage):
                plain.append(handle.handle) if handle.num_steps == 1 else rhythmic.append(handle)
        return tuple(plain), tuple(rhythmic)


def _rhythm(every: Every) -> str:
    steps = "every step" if every.num_steps == 1 else f"every {every.num_steps} steps"
    return steps if every.stage is None else f"{steps} of {every.stage}"


def due(rhythmic: tuple[Every, ...], count: int) -> int:
    """Return the next step count after `count` at which one of `rhythmic` is due; a far one if there is none."""
    return min((count + every.num_steps - count % every.num_steps for every in rhythmic), default=NEVER)


NEVER: Any = float("inf")
