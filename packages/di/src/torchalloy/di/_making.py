"""How the object of one of our providers is made inside an injector."""

import inspect
from collections.abc import Callable
from typing import Any

import injector

from torchalloy.core import AlloyError, Provider
from torchalloy.di._keys import name_of, without_none

__all__ = ["Making"]


class Making(injector.Provider[Any]):
    """An injector provider that calls `Provider.make` with its annotated parameters; needs no `@inject` on it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def get(self, container: injector.Injector) -> Any:
        """Make the object."""
        make = self._provider.make
        return make(**container.args_to_inject(make, wanted(self._provider), self._provider.key))


def wanted(provider: Provider) -> dict[str, Any]:
    """Return the keys of the parameters of `provider.make`, by parameter name.

    Raises: AlloyError: A parameter has neither annotation nor default, or an annotation can't be evaluated.
    """
    shown = name_of(provider.key)
    parameters = _signature(provider.make, shown).parameters.values()
    keys = {}
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        if parameter.annotation is not inspect.Parameter.empty:
            keys[parameter.name] = without_none(parameter.annotation)
        elif parameter.default is inspect.Parameter.empty:
            raise AlloyError(f"the provider of {shown}: parameter {parameter.name!r} has no annotation to inject by")
    return keys


def _signature(make: Callable[..., Any], shown: str) -> inspect.Signature:
    try:
        return inspect.signature(make, eval_str=True)
    except NameError as error:
        raise AlloyError(f"the provider of {shown}: an annotation can't be evaluated: {error}") from error
    except (TypeError, ValueError):
        return inspect.Signature()  # some builtins have none; they are called without arguments
