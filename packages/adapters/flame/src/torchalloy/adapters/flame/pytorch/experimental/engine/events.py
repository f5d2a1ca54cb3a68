"""Events, filtered events, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

__all__ = ["EventEnum", "Events", "EventsList", "FilteredEvent"]

EventFilter = Callable[[Any, int], bool]


class _Event:
    """What plain and filtered events share: a name, equality by it, and `|`."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return event_name(self) == event_name(other)

    def __hash__(self) -> int:
        return hash(event_name(self))

    def __or__(self, other: Any) -> EventsList:
        return EventsList(self).__or__(other)


class EventEnum(_Event, Enum):
    """Base of events a program defines for itself; `engine.fire_event(MyEvents.X)` needs no registration."""

    def __eq__(self, other: object) -> bool:
        return _Event.__eq__(self, other)

    def __hash__(self) -> int:
        return _Event.__hash__(self)

    def __call__(
        self, event_filter: EventFilter | None = None, every: int | None = None, once: int | None = None
    ) -> Any:
        """Return this event, filtered.

        Args:
            event_filter: Called with the engine and the event's counter; fires where it is true.
            every: Fires where the counter is divisible by it; >= 1.
            once: Fires where the counter equals it; >= 1.

        Raises:
            ValueError: Not exactly one argument, or `every`/`once` isn't a positive integer.
            TypeError: `event_filter` can't be called.
        """
        if sum(argument is not None for argument in (event_filter, every, once)) != 1:
            raise ValueError("give exactly one of event_filter, every, once")
        if event_filter is not None:
            if not callable(event_filter):
                raise TypeError(f"event_filter must be callable, got {type(event_filter).__name__}")
            return FilteredEvent(self, event_filter)
        count = every if every is not None else once
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"every and once take a positive integer, got {count!r}")
        if every is not None:
            return self if count == 1 else FilteredEvent(self, lambda _, at: at % count == 0)
        return FilteredEvent(self, lambda _, at: at == count)


class Events(EventEnum):
    """The moments of a run."""

    EPOCH_STARTED = "epoch_started"
    EPOCH_COMPLETED = "epoch_completed"
    STARTED = "started"
    COMPLETED = "completed"
    ITERATION_STARTED = "iteration_started"
    ITERATION_COMPLETED = "iteration_completed"
    EXCEPTION_RAISED = "exception_raised"
    GET_BATCH_STARTED = "get_batch_started"
    GET_BATCH_COMPLETED = "get_batch_completed"
    DATALOADER_STOP_ITERATION = "dataloader_stop_iteration"
    TERMINATE = "terminate"
    TERMINATE_SINGLE_EPOCH = "terminate_single_epoch"


class FilteredEvent(_Event):
    """An event that fires where its filter says so; equal to the plain event, so both share one list of handlers."""

    def __init__(self, event: EventEnum, event_filter: EventFilter) -> None:
        self.event = event
        self.value = event.value
        self.filter = event_filter


class EventsList:
    """Several events, for a handler on all of them."""

    def __init__(self, *events: Any) -> None:
        self._events = list(events)

    def __or__(self, other: Any) -> EventsList:
        return EventsList(*self._events, *(other if isinstance(other, EventsList) else (other,)))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events)

    def __getitem__(self, index: int) -> Any:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)


def event_name(event: object) -> object:
    """Return what an event is called; a plain string is its own name."""
    return event.value if isinstance(event, _Event) else event
