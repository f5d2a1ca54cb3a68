"""The data part of a checkpoint: what is needed to enter each stage's stream where it was."""

from collections.abc import Iterable, Mapping
from typing import Any

from torchalloy.core import Source, Stateful
from torchalloy.data import as_source

__all__ = ["Sources"]


class Sources:
    """Makes the batches of each stage a `Source`, and keeps the state of those that have one."""

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        self._sources: dict[str, Source] = {}
        self._restored: dict[str, Any] = {}

    def open(self, stage: str, batches: Iterable[Any] | Source) -> Source:
        """Return the source of `stage`; the same one as long as it is given the same batches."""
        if self._given.get(stage) is not batches:
            self._given[stage] = batches
            self._sources[stage] = as_source(batches)
        source = self._sources[stage]
        if stage in self._restored and isinstance(source, Stateful):
            source.load_state_dict(self._restored.pop(stage))
        return source

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the sources that have one, by stage."""
        return {stage: source.state_dict() for stage, source in self._sources.items() if isinstance(source, Stateful)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Keep the states until their stages start."""
        self._restored = dict(state)
