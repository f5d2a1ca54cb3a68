"""What a checkpoint keeps: anything that can say its state and take it back."""

from typing import Any, Protocol, runtime_checkable

__all__ = ["Stateful"]


@runtime_checkable
class Stateful(Protocol):
    """An object with a state that a checkpoint keeps. `torch.nn.Module` and every optimizer are such.

    The state may hold tensors, NumPy arrays and plain Python data (None, bool, int, float, str, bytes, list,
    tuple, dict), nested in any way. Anything else is refused by name when the checkpoint is written.
    """

    def state_dict(self) -> Any:
        """Return the state; the caller doesn't change it."""
        ...

    def load_state_dict(self, state: Any, /) -> Any:
        """Become what `state` says."""
        ...
