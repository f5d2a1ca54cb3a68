"""dora's experiment: a config, its signature, its folder, and the metrics of its epochs."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torchalloy.adapters.flashy.utils import write_and_rename

__all__ = ["XP", "Link", "get_xp", "is_xp", "signature"]

_entered: list[XP] = []


class Link:
    """The metrics of an experiment's epochs, kept as `history.json`: a list of {stage: {metric: value}}."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.history: list[Any] = []

    def load(self) -> None:
        """Read the file, if there is one."""
        if self._path.exists():
            self.history[:] = json.loads(self._path.read_text())

    def update_history(self, history: Sequence[Any]) -> None:
        """Replace the history, in place, and write it; only rank 0 writes.

        Raises: ValueError: not a list, or a value JSON has no word for.
        """
        if not isinstance(history, list):
            raise ValueError(f"a history is a list, got {type(history).__name__}")
        plain = plain_data(history)
        try:
            text = json.dumps(plain, indent=2)
        except TypeError as error:
            raise ValueError(f"the history can't be written as JSON: {error}") from error
        self.history[:] = plain
        if _is_main():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with write_and_rename(self._path, "w") as file:
                file.write(text)

    def push_metrics(self, metrics: dict[str, Any]) -> None:
        """Add one epoch's metrics and write the history."""
        self.update_history([*self.history, metrics])


@dataclass
class XP:
    """One experiment.

    Attributes:
        dora: dora's own config: at least `dir`.
        cfg: The whole config.
        argv: The overrides that made it.
        sig: 8 hexadecimal digits of the hash of `delta`.
        delta: What differs from the base config, as [name, value] pairs.
        link: Its metrics.
    """

    dora: Any
    cfg: Any
    argv: list[str]
    sig: str
    delta: list[Any] | None = None
    xp_folder: Path | None = None
    link: Link = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self.link = Link(self.history)

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.xp_folder if self.xp_folder is not None else Path(self.dora.dir) / "xps" / self.sig

    @property
    def code_folder(self) -> Path:
        """Where its code runs from."""
        return Path.cwd()

    @property
    def history(self) -> Path:
        """The file of its metrics."""
        return self.folder / "history.json"

    @contextmanager
    def enter(self, stack: bool = False) -> Iterator[XP]:
        """Make this the experiment of the block.

        Raises: RuntimeError: inside another experiment, unless `stack`.
        """
        if _entered and not stack:
            inside = _entered[-1].sig
            raise RuntimeError(f"already inside experiment {inside}; leave it first, or enter with stack=True")
        _entered.append(self)
        try:
            yield self
        finally:
            _entered.pop()


def get_xp() -> XP:
    """Return the experiment the program is in.

    Raises: RuntimeError: it is in none.
    """
    if not _entered:
        raise RuntimeError("not in an xp: run through `dora run`, `alloy train`, or inside `with xp.enter():`")
    return _entered[-1]


def is_xp() -> bool:
    """Whether the program is in an experiment."""
    return bool(_entered)


def signature(delta: Sequence[Any]) -> str:
    """Return the signature of what differs from the base config: 8 hexadecimal digits of SHA-1 of its JSON.

    >>> signature([]), signature([["a", 4]])
    ('97d170e1', '9cf6e41e')
    """
    return hashlib.sha1(json.dumps(delta).encode()).hexdigest()[:8]


def plain_data(value: Any) -> Any:
    """Return `value` in words of JSON: tensors and arrays as numbers or lists, paths as text, configs as containers."""
    if isinstance(value, Namespace | SimpleNamespace):
        value = vars(value)
    if isinstance(value, dict):
        return {str(name): plain_data(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(inner) for inner in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if type(value).__module__.startswith("omegaconf"):
        from omegaconf import OmegaConf

        return OmegaConf.to_container(value, resolve=True)
    return str(value) if isinstance(value, Path) else value


def _is_main() -> bool:
    from torchalloy.adapters.flashy.distrib import is_rank_zero

    return is_rank_zero()
