"""The only thing that changes during a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["State"]

_KEPT = ("epoch", "local_iteration", "global_iteration", "stage", "metrics")


@dataclass(slots=True)
class State:
    """Where a run is. The engine writes it, handlers read it, and a handler ends the run by setting `stop`.

    Attributes:
        epoch: The epoch under way, from 1; between epochs the number of finished ones.
        max_epochs: Epochs in the whole run, or None if another limit ends it.
        local_iteration: Steps taken in the current stage; keeps its last value after the stage.
        global_iteration: Steps taken in counting stages (training) over the whole run.
        epoch_length: Steps in the current stage, or None where its batches have no length.
        max_iterations: Counting steps in the whole run, or None.
        stage: Name of the stage under way; "" between epochs.
        stop: Why the run should end before its budget, or None. Honoured after the next counting step or epoch.
        batch: What the current step was given.
        output: What the last step returned.
        dataloader: The batches of the current stage.
        metrics: Latest value of each metric, by "stage/name".
    """

    epoch: int = 0
    max_epochs: int | None = None
    local_iteration: int = 0
    global_iteration: int = 0
    epoch_length: int | None = None
    max_iterations: int | None = None
    stage: str = ""
    stop: str | None = None
    batch: Any = None
    output: Any = None
    dataloader: Iterable[Any] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Return the position and the metrics: what a resumed run needs to go on. The budget isn't part of it."""
        kept = {name: getattr(self, name) for name in _KEPT}
        kept["metrics"] = dict(self.metrics)
        return kept

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Take over the position and the metrics from `state_dict()`."""
        for name in _KEPT:
            setattr(self, name, kept[name])
        self.metrics = dict(self.metrics)
