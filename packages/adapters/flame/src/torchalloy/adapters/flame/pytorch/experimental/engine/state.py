"""flame's State: torchalloy's, with the questions flame's handlers ask it."""

import logging
from dataclasses import dataclass, field, fields
from typing import Any

from torchalloy.adapters.flame.pytorch.experimental.engine.events import Events, event_name
from torchalloy.core import State as CoreState

__all__ = ["State"]

logger = logging.getLogger(__name__)

_COUNTED_BY_ITERATION = (
    Events.ITERATION_STARTED,
    Events.ITERATION_COMPLETED,
    Events.GET_BATCH_STARTED,
    Events.GET_BATCH_COMPLETED,
)
_COUNTED_BY_EPOCH = (Events.EPOCH_STARTED, Events.EPOCH_COMPLETED, Events.STARTED, Events.COMPLETED)


def _counters() -> dict[Any, str]:
    return {event.value: "global_iteration" for event in _COUNTED_BY_ITERATION} | {
        event.value: "epoch" for event in _COUNTED_BY_EPOCH
    }


@dataclass(slots=True)
class State(CoreState):
    """Where an engine is; see `torchalloy.core.State`. `event_to_attr` names the counter behind each event."""

    event_to_attr: dict[Any, str] = field(default_factory=_counters)

    def is_done(self) -> bool:
        """Whether the iterations, the epochs, or their product are used up."""
        iterations = self.max_iterations is not None and self.global_iteration >= self.max_iterations
        epochs = self.max_epochs is not None and self.epoch >= self.max_epochs
        both = self.epoch_length is not None and self.max_epochs is not None
        return iterations or epochs or (both and self.global_iteration >= self.epoch_length * self.max_epochs)  # type: ignore[operator]

    def reset(self) -> None:
        """Go back to the start; `event_to_attr` stays."""
        fresh = type(self)(event_to_attr=self.event_to_attr)
        for one in fields(fresh):
            setattr(self, one.name, getattr(fresh, one.name))

    def every_iterations(self, n: int) -> bool:
        """Whether `global_iteration` is positive and divisible by `n`."""
        return self.global_iteration > 0 and self.global_iteration % n == 0

    def every_epochs(self, n: int) -> bool:
        """Whether `epoch` is positive and divisible by `n`."""
        return self.epoch > 0 and self.epoch % n == 0

    def update_max_iterations(self) -> None:
        """Set `max_iterations` from epochs and epoch length, where both are known and it isn't."""
        if self.max_iterations is None and self.max_epochs is not None and self.epoch_length is not None:
            self.max_iterations = self.max_epochs * self.epoch_length
        elif self.max_iterations is None:
            logger.warning(
                "max_iterations stays unknown: max_epochs is %s and epoch_length is %s",
                self.max_epochs,
                self.epoch_length,
            )

    def get_event_attrib_value(self, event: Any) -> int:
        """Return the counter behind `event`.

        Raises: RuntimeError: no counter is known for it.
        """
        name = event_name(event)
        if name not in self.event_to_attr:
            raise RuntimeError(f"no counter is known for event {name!r}; add it to state.event_to_attr")
        return int(getattr(self, self.event_to_attr[name]))
