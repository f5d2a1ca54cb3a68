"""What a solver keeps: sources by name, each able to say its state and take it back."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

__all__ = ["AttributeWrapper", "StateDict", "StateDictSource", "StateManager", "WriteOnlyWrapper"]

StateDict = Any


@runtime_checkable
class StateDictSource(Protocol):
    """Anything with a state."""

    def state_dict(self) -> StateDict:
        """Return the state."""
        ...

    def load_state_dict(self, state: StateDict) -> Any:
        """Become what `state` says."""
        ...


class AttributeWrapper:
    """One attribute of an owner, looked up at each use: it may be None or missing now and come later.

    Something with a state of its own is asked for it; a list or a dict is changed in place, so aliases stay valid;
    anything else is set anew.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name

    @property
    def value(self) -> Any:
        """The attribute as it is now, or None."""
        return getattr(self.owner, self.name, None)

    def state_dict(self) -> StateDict:
        """Return the attribute's state, or the attribute itself."""
        value = getattr(self.owner, self.name)
        return value.state_dict() if isinstance(value, StateDictSource) else value

    def load_state_dict(self, state: StateDict) -> None:
        """Put the attribute's state back."""
        value = self.value
        if isinstance(value, StateDictSource):
            value.load_state_dict(state)
        elif isinstance(value, list):
            value[:] = state
        elif isinstance(value, dict):
            value.clear()
            value.update(state)
        else:
            setattr(self.owner, self.name, state)


class WriteOnlyWrapper:
    """A source that is kept and never loaded."""

    def __init__(self, source: StateDictSource) -> None:
        self.source = source

    def state_dict(self) -> StateDict:
        """Return the source's state."""
        return self.source.state_dict()

    def load_state_dict(self, state: StateDict) -> None:
        """Do nothing."""


class StateManager:
    """The sources of a solver by name, in the order they were registered."""

    def __init__(self) -> None:
        self.sources: dict[str, StateDictSource] = {}

    def register(self, name: str, source: StateDictSource, write_only: bool = False) -> None:
        """Keep `source` as `name`.

        Raises: ValueError: the name is taken.
        """
        if name in self.sources:
            raise ValueError(f"{name!r} is registered already; registered: {', '.join(self.sources)}")
        self.sources[name] = WriteOnlyWrapper(source) if write_only else source

    def state_dict(self) -> StateDict:
        """Return the state of every source by name."""
        return {name: source.state_dict() for name, source in self.sources.items()}

    def load_state_dict(self, state: Mapping[str, StateDict]) -> None:
        """Give each saved source its state; a registered one that wasn't saved stays as it is.

        Raises: KeyError: a saved name nobody registered.
        """
        for name, saved in state.items():
            if name not in self.sources:
                raise KeyError(f"{name!r} was saved and isn't registered; registered: {', '.join(self.sources)}")
            self.sources[name].load_state_dict(saved)
