"""Calling pipes in order, each with the keywords that the one before it returned."""

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["call_in_turn"]


def call_in_turn(pipes: Iterable[Callable[..., Any]], *positional: Any, **keywords: Any) -> dict[str, Any]:
    """Call each pipe with `positional` and the present keywords; a dict it returns replaces them, None leaves them."""
    for pipe in pipes:
        returned = pipe(*positional, **keywords)
        if returned is not None:
            keywords = returned
    return keywords
