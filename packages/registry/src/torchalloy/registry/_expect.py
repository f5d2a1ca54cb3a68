"""A check that what a name turned out to be is of the kind its place needs."""

import inspect
from typing import Any

from torchalloy.core import AlloyError

__all__ = ["expect"]


def expect(thing: Any, base: type | tuple[type, ...], what: str) -> Any:
    """Return `thing` if it is an instance or, itself being a class, a subclass of `base`.

    Args:
        thing: A class or any other object.
        base: The class, runtime-checkable protocol, or several of which one will do.
        what: How the message calls `thing`, such as "the model" or a config key.

    Raises: AlloyError: It is of another kind; the message names both kinds.

    >>> expect(bool, int, "model")
    <class 'bool'>
    """
    fits = issubclass(thing, base) if inspect.isclass(thing) else isinstance(thing, base)
    if fits:
        return thing
    bases = base if isinstance(base, tuple) else (base,)
    wanted = " or ".join(_path(one) for one in bases)
    relation = "a subclass of" if inspect.isclass(thing) else "an instance of"
    raise AlloyError(f"{what}: {_describe(thing)} is not {relation} {wanted}")


def _describe(thing: Any) -> str:
    if inspect.isclass(thing):
        bases = ", ".join(_path(base) for base in thing.__bases__)
        return f"class {_path(thing)} (of {bases})"
    if inspect.isroutine(thing) or inspect.ismodule(thing):
        return f"{type(thing).__name__} {_path(thing)}"
    return f"an object of type {_path(type(thing))}"


def _path(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or thing.__name__
    module = getattr(thing, "__module__", None)
    return str(name) if module in (None, "builtins") else f"{module}.{name}"
