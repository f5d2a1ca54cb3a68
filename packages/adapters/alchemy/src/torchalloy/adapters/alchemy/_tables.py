"""Calling a class with a config table as its keywords."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from loguru import logger

from torchalloy.core import nearest

__all__ = ["call_with_table", "warn_unknown_keys"]

T = TypeVar("T")


def call_with_table(target: Callable[..., T], table: Mapping[str, Any], *positional: Any) -> T:
    """Call `target` with the entries of `table` as keywords; `type` is left out where nothing would take it."""
    keywords = dict(table)
    if "type" in keywords and not _takes(target, "type"):
        del keywords["type"]
    return target(*positional, **keywords)


def warn_unknown_keys(where: str, table: Iterable[str], known: Iterable[str]) -> None:
    """Log one warning about keys of a built-in's table that it doesn't read, with the nearest ones it does."""
    known = {"type", *known}
    for key in table:
        if key not in known:
            near = nearest(key, known) or _sharing_a_word(key, known)
            hint = f"; did you mean {near!r}?" if near else f"; it reads {', '.join(sorted(known))}"
            logger.warning("{} has no key {!r}, which is ignored{}", where, key, hint)


def _takes(target: Callable[..., Any], keyword: str) -> bool:
    parameters = inspect.signature(target).parameters.values()
    return any(p.kind is p.VAR_KEYWORD or (p.name == keyword and p.kind is not p.POSITIONAL_ONLY) for p in parameters)


def _sharing_a_word(key: str, known: Iterable[str]) -> str | None:
    words = set(key.split("_"))
    best = max(sorted(known), key=lambda other: len(words & set(other.split("_"))), default=None)
    return best if best is not None and words & set(best.split("_")) else None
