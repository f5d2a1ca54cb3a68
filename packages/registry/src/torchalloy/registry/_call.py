"""Calls whose arguments are checked against the signature before anything of the user's runs."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

from torchalloy.core import AlloyError, nearest
from torchalloy.registry._dotted import blame
from torchalloy.registry._errors import BuildError, UnknownInNode

__all__ = ["call"]

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_STARS: Mapping[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def call(
    target: Callable[..., Any],
    label: str,
    positional: Sequence[Any],
    named: Mapping[str, Any],
    *,
    partial: bool,
    path: tuple[str | int, ...],
) -> Any:
    """Call `target`, or bind it with `functools.partial`, after checking the arguments.

    Args:
        label: How messages call the target: the name the config used.
        partial: Bind instead of calling; then parameters may be missing.
        path: Where the node is, for errors.

    Raises:
        UnknownInNode: A name that is no parameter; the message holds the nearest and all accepted.
        BuildError: A parameter missing, given twice or one too many, or the call itself failed.
    """
    check(target, label, positional, named, partial=partial, path=path)
    if partial:
        return functools.partial(target, *positional, **named)
    try:
        return target(*positional, **named)
    except AlloyError:
        raise
    except Exception as error:
        place = blame(error, [_file(target)])
        reason = f"{type(error).__name__}: {error}{f' ({place})' if place else ''}"
        raise BuildError(f"{label} can't be built: {reason}", path) from error


def check(
    target: Callable[..., Any],
    label: str,
    positional: Sequence[Any],
    named: Mapping[str, Any],
    *,
    partial: bool,
    path: tuple[str | int, ...],
) -> None:
    """Raise what `call` would raise about the arguments alone."""
    try:
        signature = inspect.signature(target)
    except (ValueError, TypeError):
        return  # some builtins have none; the call itself will tell
    _check_names(signature, label, named, path)
    _check_places(signature, label, positional, named, path)
    if not partial:
        _check_missing(signature, label, positional, named, path)


def _check_names(signature: Signature, label: str, named: Mapping[str, Any], path: tuple[str | int, ...]) -> None:
    parameters = signature.parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    accepted = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME]
    for name in named:
        if name not in accepted:
            close = nearest(name, accepted)
            hint = f"did you mean {close!r}? " if close else ""
            message = f"{label} has no parameter {name!r}; {hint}It takes: {_listed(signature)}"
            raise UnknownInNode(message, (*path, name))


def _check_places(
    signature: Signature, label: str, positional: Sequence[Any], named: Mapping[str, Any], path: tuple[str | int, ...]
) -> None:
    parameters = signature.parameters.values()
    places = [parameter.name for parameter in parameters if parameter.kind in _BY_PLACE]
    endless = any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters)
    if len(positional) > len(places) and not endless:
        counts = f"takes {len(places)} arguments by position and gets {len(positional)}"
        raise BuildError(f"{label} {counts}; it takes: {_listed(signature)}", path)
    for name in places[: len(positional)]:
        if name in named and signature.parameters[name].kind is not Parameter.POSITIONAL_ONLY:
            message = f"{label}: {name!r} is passed by position already; remove it here"
            raise BuildError(message, (*path, name))


def _check_missing(
    signature: Signature, label: str, positional: Sequence[Any], named: Mapping[str, Any], path: tuple[str | int, ...]
) -> None:
    parameters = signature.parameters.values()
    filled = {parameter.name for parameter in [p for p in parameters if p.kind in _BY_PLACE][: len(positional)]}
    fillable = [p for p in parameters if p.kind in (*_BY_PLACE, Parameter.KEYWORD_ONLY)]
    needed = [p.name for p in fillable if p.default is Parameter.empty]
    missing = [name for name in needed if name not in filled and name not in named]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise BuildError(f"{label} needs {names}: not given; it takes: {_listed(signature)}", path)


def _listed(signature: Signature) -> str:
    return ", ".join(_shown(parameter) for parameter in signature.parameters.values()) or "no parameters"


def _shown(parameter: Parameter) -> str:
    stars = _STARS.get(parameter.kind, "")
    default = "" if parameter.default is Parameter.empty else f"={parameter.default!r}"
    return f"{stars}{parameter.name}{default if len(default) < 40 else '=...'}"


def _file(target: Any) -> str:
    """Return the file of the user's code; a path that nothing is in where it has none."""
    try:
        return inspect.getfile(inspect.unwrap(target))
    except TypeError:
        return "<none>"
