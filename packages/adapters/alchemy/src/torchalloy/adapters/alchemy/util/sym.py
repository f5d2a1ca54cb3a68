"""The symbol table: what the parts of a run know of each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from torchalloy.adapters.alchemy._errors import MissingKey, NoFrame, SymbolTaken
from torchalloy.core import did_you_mean

__all__ = ["Host", "MissingKey", "NoFrame", "SymbolTbl", "new_scope", "sym_tbl"]


@dataclass(frozen=True, slots=True)
class Host:
    """Who runs the runner.

    Attributes:
        folder: The folder of a run that `alloy` started, which is then the record folder; None otherwise.
        draws: Whether the host draws the progress and keeps the console's log itself.
    """

    folder: Path | None = None
    draws: bool = False


class SymbolTbl:
    """Built-in symbols (attributes), global symbols, and a stack of frames with local ones.

    Local symbols are those of the top frame; lower frames can't be seen. `get` falls back to the globals. The built-in
    `record_dir` and the global symbol of that name are one value.
    """

    def __init__(self) -> None:
        self.registry: dict[type, dict[str, type]] = {}
        self._clear()

    def _clear(self) -> None:
        self.plugins: list[Any] = []
        self.task: Any = None
        self.model: Any = None
        self.optim: Any = None
        self.train_sched: Any = None
        self.cfg: Any = {}
        self.device_info: Any = None
        self.device: Any = None
        self.console: Any = None
        self.ctime: datetime | None = None
        self.ret: Any = None
        self.host = Host()
        self.runner: Any = None
        self.evaluations: Any = None
        self._globals: dict[str, Any] = {}
        self._frames: list[dict[str, Any]] = []

    def reset(self) -> None:
        """Forget everything except the registry."""
        self._clear()

    @property
    def optimizer(self) -> Any:
        """Another name of `optim`."""
        return self.optim

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        self.optim = optimizer

    @property
    def record_dir(self) -> Path | None:
        """The record folder, or None for a run that leaves nothing behind."""
        return self._globals.get("record_dir")

    @record_dir.setter
    def record_dir(self, folder: Path | None) -> None:
        if folder is None:
            self._globals.pop("record_dir", None)
        else:
            self._globals["record_dir"] = folder

    @property
    def globals(self) -> dict[str, Any]:
        """The global symbols themselves."""
        return self._globals

    # -- global symbols

    def set_global(self, key: str, value: Any) -> None:
        """Set a global symbol, new or not."""
        self._globals[key] = value

    def force_set_global(self, key: str, value: Any) -> None:
        """Set a global symbol, new or not."""
        self._globals[key] = value

    def try_set_global(self, key: str, value: Any) -> bool:
        """Set a global symbol unless there is one of that name; return whether it was set."""
        if key in self._globals:
            return False
        self._globals[key] = value
        return True

    def get_global(self, key: str) -> Any:
        """Return a global symbol.

        Raises: MissingKey: there is none of that name.
        """
        return self._globals[self._known(key, self._globals)]

    def try_get_global(self, key: str, default: Any = None) -> Any:
        """Return a global symbol, or `default`."""
        return self._globals.get(key, default)

    def pop_global(self, key: str) -> Any:
        """Remove a global symbol and return it.

        Raises: MissingKey: there is none of that name.
        """
        return self._globals.pop(self._known(key, self._globals))

    def try_pop_global(self, key: str, default: Any = None) -> Any:
        """Remove a global symbol and return it, or `default`."""
        return self._globals.pop(key, default)

    def contains_global(self, key: str) -> bool:
        """Whether there is a global symbol of that name."""
        return key in self._globals

    # -- local symbols

    def set(self, key: str, value: Any) -> None:
        """Set a new local symbol.

        Raises: SymbolTaken: the top frame has one of that name. NoFrame: no scope is open.
        """
        if not self.try_set(key, value):
            raise SymbolTaken(f"symbol {key!r} is set already in this scope; force_set() overwrites it")

    def try_set(self, key: str, value: Any) -> bool:
        """Set a local symbol unless the top frame has one of that name; return whether it was set.

        Raises: NoFrame: no scope is open.
        """
        if key in self._top():
            return False
        self._top()[key] = value
        return True

    def force_set(self, key: str, value: Any) -> None:
        """Set a local symbol, new or not.

        Raises: NoFrame: no scope is open.
        """
        self._top()[key] = value

    def get(self, key: str) -> Any:
        """Return a symbol of the top frame, else a global one.

        Raises: MissingKey: there is neither.
        """
        seen = self._seen()
        return seen[self._known(key, seen)]

    def try_get(self, key: str, default: Any = None) -> Any:
        """Return a symbol of the top frame, else a global one, else `default`."""
        return self._seen().get(key, default)

    def pop(self, key: str) -> Any:
        """Remove a local symbol and return it.

        Raises: MissingKey: the top frame has none of that name. NoFrame: no scope is open.
        """
        return self._top().pop(self._known(key, self._top()))

    def try_pop(self, key: str, default: Any = None) -> Any:
        """Remove a local symbol and return it, or `default`.

        Raises: NoFrame: no scope is open.
        """
        return self._top().pop(key, default)

    def contains(self, key: str) -> bool:
        """Whether the top frame has a symbol of that name.

        Raises: NoFrame: no scope is open.
        """
        return key in self._top()

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self._seen()

    @contextmanager
    def scope(self) -> Iterator["SymbolTbl"]:
        """Push an empty frame for the length of a `with` block."""
        frames = self._frames
        frames.append({})
        try:
            yield self
        finally:
            if frames:
                frames.pop()

    def _top(self) -> dict[str, Any]:
        if not self._frames:
            raise NoFrame("no scope is open for local symbols; open one: `with new_scope():`, or use set_global()")
        return self._frames[-1]

    def _seen(self) -> dict[str, Any]:
        return {**self._globals, **self._frames[-1]} if self._frames else self._globals

    def _known(self, key: str, known: dict[str, Any]) -> str:
        if key not in known:
            raise MissingKey(f"no symbol named {key!r}; {did_you_mean(key, known)}")
        return key


_TABLE = SymbolTbl()


def sym_tbl() -> SymbolTbl:
    """Return the one symbol table of this process."""
    return _TABLE


def new_scope() -> Any:
    """Open a frame of local symbols for the length of a `with` block."""
    return _TABLE.scope()
