"""A checkpoint's parts back into the objects they came from."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torchalloy.checkpoint._folder import Checkpoint
from torchalloy.core import CheckpointError, Stateful

__all__ = ["Report", "load_into"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was restored, in the order given, and what wasn't.

    Attributes:
        restored: Parts that took their state back.
        missing: Parts that the checkpoint has no state for; they stay as they were.
        unexpected: Parts of the checkpoint that nobody asked for.
    """

    restored: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    def __str__(self) -> str:
        said = [f"restored: {', '.join(self.restored) or 'nothing'}"]
        said += [f"not in the checkpoint: {', '.join(self.missing)}"] if self.missing else []
        said += [f"in the checkpoint but not in this run: {', '.join(self.unexpected)}"] if self.unexpected else []
        return "; ".join(said)


def load_into(checkpoint: Checkpoint, parts: Mapping[str, Stateful]) -> Report:
    """Give each part its state, in the order of `parts`; each gets a copy, so the checkpoint can be used again.

    Raises: CheckpointError: naming the part whose state doesn't fit. Parts before it have their new state then.
    """
    restored = tuple(name for name in parts if name in checkpoint.parts)
    for name in restored:
        try:
            parts[name].load_state_dict(copy.deepcopy(checkpoint.parts[name]))
        except Exception as error:
            raise CheckpointError(
                f"{checkpoint.folder}: the state of part {name!r} doesn't fit this run's "
                f"{type(parts[name]).__name__}: {type(error).__name__}: {error}"
            ) from error
    return Report(
        restored,
        tuple(name for name in parts if name not in checkpoint.parts),
        tuple(name for name in checkpoint.parts if name not in parts),
    )
