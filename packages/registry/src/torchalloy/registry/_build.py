"""From a config node to the object it describes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torchalloy.core import AlloyError, UnknownName
from torchalloy.registry._call import call
from torchalloy.registry._errors import BuildError, UnknownInNode

__all__ = ["build"]

Find = Callable[[str, str], Any]
_TARGET_KEYS = ("_target_", "_call", "_use", "type", "name")  # the first that is there names the target
_NESTED_KEYS = frozenset({"_target_", "_call", "_use"})  # what makes a mapping inside a node a node of its own


@dataclass(frozen=True, slots=True)
class _Node:
    """A node taken apart."""

    target: Any
    key: str | None
    named: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[Any, ...] = ()
    partial: bool = False


def build(find: Find, node: Any, kind: str, positional: tuple[Any, ...], path: tuple[str | int, ...] = ()) -> Any:
    """Build what `node` describes; see `Registry.build`."""
    parsed = _parse(node, path)
    target = _find(find, parsed, kind, path)
    label = parsed.target if isinstance(parsed.target, str) else getattr(target, "__qualname__", repr(target))
    named = {name: _value(find, value, (*path, name)) for name, value in parsed.named.items()}
    listed = tuple(_value(find, value, (*path, "_args_", at)) for at, value in enumerate(parsed.positional))
    arguments = (*positional, *listed)
    if parsed.key == "_use" and not arguments and not named:
        return target
    if not callable(target):
        raise BuildError(f"{label} is {type(target).__name__} {target!r} and can't be called", path)
    return call(target, label, arguments, named, partial=parsed.partial, path=path)


def _parse(node: Any, path: tuple[str | int, ...]) -> _Node:
    if isinstance(node, str) or callable(node):
        return _Node(node, None)
    if not isinstance(node, Mapping):
        raise BuildError(f"expected a name, or a mapping with {_choices()}; got {type(node).__name__} {node!r}", path)
    key = next((key for key in _TARGET_KEYS if key in node), None)
    if key is None:
        keys = ", ".join(map(str, node)) or "none"
        raise BuildError(f"nothing says what to build: expected {_choices()}; its keys are {keys}", path)
    target = node[key]
    if not (isinstance(target, str) or callable(target)):
        raise BuildError(f"expected a name or a dotted path; got {type(target).__name__} {target!r}", (*path, key))
    named = {name: value for name, value in node.items() if name not in (key, "_partial_", "_args_")}
    return _Node(target, key, named, _listed(node, path), _is_partial(node, key, path))


def _choices() -> str:
    return "'name', 'type', '_target_', '_call' or '_use'"


def _listed(node: Mapping[str, Any], path: tuple[str | int, ...]) -> tuple[Any, ...]:
    given = node.get("_args_", ())
    if not isinstance(given, list | tuple):
        raise BuildError(f"expected a list of arguments; got {type(given).__name__} {given!r}", (*path, "_args_"))
    return tuple(given)


def _is_partial(node: Mapping[str, Any], key: str, path: tuple[str | int, ...]) -> bool:
    given = node.get("_partial_", key == "_use")
    if not isinstance(given, bool):
        raise BuildError(f"expected true or false; got {type(given).__name__} {given!r}", (*path, "_partial_"))
    return given


def _find(find: Find, parsed: _Node, kind: str, path: tuple[str | int, ...]) -> Any:
    if not isinstance(parsed.target, str):
        return parsed.target
    here = path if parsed.key is None else (*path, parsed.key)
    try:
        return find(parsed.target, kind)
    except UnknownName as error:
        raise UnknownInNode(str(error), here) from error
    except AlloyError as error:
        raise BuildError(str(error), here) from error


def _value(find: Find, value: Any, path: tuple[str | int, ...]) -> Any:
    """Return `value` with every node inside it built; new containers, so that the config itself stays as it is."""
    if isinstance(value, Mapping):
        if _NESTED_KEYS & value.keys():
            return build(find, value, "", (), path)
        return {key: _value(find, inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        items = [_value(find, inner, (*path, at)) for at, inner in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    return value
