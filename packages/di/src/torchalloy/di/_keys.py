"""Keys that ask for a service: what they are called, and which may be made without a provider."""

import inspect
import sys
import types
from collections.abc import Collection
from typing import Any, NewType, Union, get_args, get_origin

from injector import get_bindings

__all__ = ["name_of", "plain", "why_not_makeable", "without_none"]


def name_of(key: Any) -> str:
    """Return what messages call `key`.

    >>> name_of(dict), name_of(NewType("Rate", float)), name_of(list[int])
    ('dict', 'Rate', 'list[int]')
    """
    if isinstance(key, type) and get_origin(key) is None:
        return key.__qualname__
    return str(getattr(key, "__name__", key)) if isinstance(key, NewType) else str(key)


def plain(key: Any) -> Any:
    """Return the type behind a `NewType` (or a chain of them), else `key`."""
    while isinstance(key, NewType):
        key = key.__supertype__
    return key


def without_none(annotation: Any) -> Any:
    """Return X for X | None, else `annotation`.

    >>> without_none(int | None)
    <class 'int'>
    """
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    return Union[tuple(one for one in get_args(annotation) if one is not type(None))]  # noqa: UP007  # built at run time


def why_not_makeable(key: Any) -> str | None:
    """Return why `key` can't be made without a provider, or None if its class can simply be called.

    Injector alone would call whatever it is given, so that an unbound rate (a `NewType` of float) silently became 0.0.
    """
    if isinstance(key, NewType):
        return f"it is a NewType of {name_of(key.__supertype__)}, and only a provider knows which one is meant"
    made = get_origin(key) or key
    if not isinstance(made, type):
        return "it is no class"
    if made.__module__.partition(".")[0] in sys.stdlib_module_names:
        return "it is a type of the standard library, and only a provider knows which one is meant"
    if getattr(made, "_is_protocol", False):
        return "it is a Protocol, and only a provider knows which class to use"
    if inspect.isabstract(made):
        return "it is an abstract class, and only a provider knows which subclass to use"
    return _why_not_callable(made)


def _why_not_callable(made: type) -> str | None:
    injected: Collection[str] = get_bindings(made.__init__)  # type: ignore[misc]  # read, not called
    parameters = list(inspect.signature(made.__init__).parameters.values())[1:]  # type: ignore[misc]
    missing = [one.name for one in parameters if _is_required(one) and one.name not in injected]
    if not missing:
        return None
    listed = ", ".join(repr(name) for name in missing)
    return f"its __init__ needs {listed}; mark it @inject if these are services"


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and not variadic
