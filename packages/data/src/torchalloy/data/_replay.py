"""Exact positions for iterables that have none: begin again from the same random state, and drop what was used."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch

from torchalloy.core import CheckpointError, RecipeError, Source
from torchalloy.data._generators import Generators

__all__ = ["Replay", "as_source"]


class Replay:
    """A `Source` around anything that can be iterated again and again: torch's DataLoader, a list, ...

    At the start of an epoch it notes the global generators, those the iterable holds itself (`generator`, also of its
    `sampler` and `batch_sampler`) and its sampler's epoch. To enter the epoch at position k it goes back to that note,
    iterates, drops k batches and puts the global generators back to where they were. So batches that were dropped
    cost their loading, and what follows is exactly what would have followed.

    The iterable must be a function of these generators and of nothing else that changes.

    Args:
        batches: Iterable. One that can only be iterated once (an iterator) serves one epoch, from its start.
    """

    def __init__(self, batches: Iterable[Any]) -> None:
        self.iterable = batches
        self._generators = Generators()
        self._note: dict[str, Any] | None = None
        self._used = False

    def __len__(self) -> int:
        return len(self.iterable)  # type: ignore[arg-type]  # as it is: TypeError where the iterable has no length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Return the batches of `epoch` (from 1) from position `start` (0-based, in batches) on.

        Raises: CheckpointError: `start` > 0 without a note of the epoch's beginning (`load_state_dict`).
            RecipeError: an iterator is asked for a second pass, or to be entered in the middle.
        """
        if isinstance(self.iterable, Iterator):
            return self._only_pass(self.iterable, epoch, start)
        return self._again(epoch, start) if start else self._afresh(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the note of the epoch under way, or of the last one."""
        return {"note": self._note}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the note from `state_dict()`; the state of another kind of source holds none."""
        self._note = state.get("note")

    def _only_pass(self, iterator: Iterator[Any], epoch: int, start: int) -> Iterator[Any]:
        if start or self._used:
            raise RecipeError(
                f"the batches are a {type(iterator).__name__}, which can be iterated once: it can't give epoch {epoch}"
                f" from batch {start}; use something that can be iterated again (a list, a DataLoader, a Loader)"
            )
        self._used = True
        return iterator

    def _afresh(self, epoch: int) -> Iterator[Any]:
        self._note = {"epoch": epoch, "global": self._generators.state_dict(), "own": _own_state(self.iterable)}
        return iter(self.iterable)

    def _again(self, epoch: int, start: int) -> Iterator[Any]:
        if self._note is None or self._note["epoch"] != epoch:
            held = "nothing" if self._note is None else f"how epoch {self._note['epoch']} began"
            raise CheckpointError(
                f"epoch {epoch} can't be entered at batch {start}: the checkpoint knows {held} of this"
                f" {type(self.iterable).__name__}; go on from the end of an epoch, or use torchalloy.data.Loader"
            )
        present = self._generators.state_dict()
        self._generators.load_state_dict(self._note["global"])
        _restore_own(self.iterable, self._note["own"])
        iterator = iter(self.iterable)
        num_dropped = sum(1 for _ in islice(iterator, start))
        self._generators.load_state_dict(present)
        if num_dropped < start:
            raise CheckpointError(f"epoch {epoch} has {num_dropped} batches now and can't be entered at batch {start}")
        return iterator


def as_source(batches: Iterable[Any] | Source) -> Source:
    """Return `batches` itself if it has exact positions (`Source`), else a `Replay` of it."""
    return batches if isinstance(batches, Source) else Replay(batches)


def _own_state(iterable: Any) -> list[Any]:
    """Return the state of the generators and epochs that `iterable` and its samplers hold."""
    return [
        {
            "generator": holder.generator.get_state() if _has_generator(holder) else None,
            "epoch": holder.epoch if _has_epoch(holder) else None,
        }
        for holder in _holders(iterable)
    ]


def _restore_own(iterable: Any, states: list[Any]) -> None:
    for holder, state in zip(_holders(iterable), states, strict=True):
        if state["generator"] is not None:
            holder.generator.set_state(state["generator"])
        if state["epoch"] is not None:
            holder.set_epoch(state["epoch"])


def _holders(iterable: Any) -> list[Any]:
    """Return `iterable` and the samplers in it, each once, in a fixed order."""
    sampler = getattr(iterable, "sampler", None)
    batch_sampler = getattr(iterable, "batch_sampler", None)
    found = [iterable, sampler, batch_sampler, getattr(batch_sampler, "sampler", None)]
    return list({id(holder): holder for holder in found if holder is not None}.values())


def _has_generator(holder: Any) -> bool:
    return isinstance(getattr(holder, "generator", None), torch.Generator)


def _has_epoch(holder: Any) -> bool:
    return isinstance(getattr(holder, "epoch", None), int) and hasattr(holder, "set_epoch")
