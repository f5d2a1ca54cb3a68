"""Registries with fvcore's rules, whose errors name what is there."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from fvcore.common.registry import Registry

from torchalloy.adapters.trainframework._errors import UnknownConfigKey, UnknownRegistered, WrongArguments
from torchalloy.core import did_you_mean

__all__ = ["AnyCase", "Names", "construct", "lowered"]

T = TypeVar("T")


class Names(Registry):  # type: ignore[misc]  # fvcore ships no types
    """A registry of classes by their `__name__`.

    A second class of the same name is an AssertionError, except when a module is run again: the class that
    stands at the same place of the same module takes over, with a warning.
    """

    @overload
    def register(self, obj: None = None) -> Callable[[T], T]: ...

    @overload
    def register(self, obj: T) -> T: ...

    def register(self, obj: Any = None) -> Any:
        """Register a class or function by its `__name__`: `@names.register()`, `@names.register`, `names.register(A)`.

        Raises: AssertionError: where the name is taken.
        """
        return super().register() if obj is None else super().register()(obj)

    def _do_register(self, name: str, obj: Any) -> None:
        if name in self and _same_place(self._obj_map[name], obj):
            warnings.warn(f"{name} is registered again in {self._name!r}: its module was run twice", stacklevel=4)
            del self._obj_map[name]
        super()._do_register(name, obj)

    def get(self, name: str) -> Any:
        """Return what is registered as `name`.

        Raises: UnknownRegistered: (a KeyError) with the nearest name and all that are known.
        """
        if name in self:
            return self._obj_map[name]
        raise UnknownRegistered(
            f"No object named '{name}' found in '{self._name}' registry! {did_you_mean(str(name), self._obj_map)}. "
            "Is the module that registers it imported before schedule()?"
        )


class AnyCase(dict[str, Any]):
    """A config node whose keys may be asked for in lower or upper case, as items or attributes."""

    def __missing__(self, key: str) -> Any:
        for spelling in (key.upper(), key.lower()):
            if dict.__contains__(self, spelling):
                value = dict.__getitem__(self, spelling)
                return AnyCase(value) if isinstance(value, Mapping) else value
        raise UnknownConfigKey(f"no key {key!r}; {did_you_mean(key, self)}")

    def __contains__(self, key: object) -> bool:
        return any(dict.__contains__(self, spelling) for spelling in (key, str(key).upper(), str(key).lower()))

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(f"no key {name!r}; {did_you_mean(name, self)}")
        return self[name]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key` in either case, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default


def construct(make: Callable[..., Any], arguments: Mapping[str, Any], at: str) -> Any:
    """Return `make(**arguments)`.

    Raises: WrongArguments: (a TypeError) when the names don't fit, naming the ones `make` takes; `at` says where
        in the config they were written.
    """
    signature = inspect.signature(make)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        wrong = next((name for name in arguments if name not in signature.parameters), "")
        raise WrongArguments(
            f"{at}: {getattr(make, '__name__', make)}: {error}; {did_you_mean(wrong, signature.parameters)}",
            key=at.partition(" ")[0],
        ) from error
    return make(**arguments)


def lowered(node: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return `node` as a plain dict with lower-case keys, `depth` levels of dicts deep."""
    return {
        key.lower(): lowered(value, depth - 1) if depth > 1 and isinstance(value, Mapping) else value
        for key, value in node.items()
    }


def _same_place(old: Any, new: Any) -> bool:
    places = [(getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "<locals>")) for thing in (old, new)]
    return places[0] == places[1] and "<locals>" not in places[0][1] and old is not new
