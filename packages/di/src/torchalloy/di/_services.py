"""A run's services: providers and injector modules, bound once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_origin

from injector import Binder, Injector

from torchalloy.core import AlloyError, PluginError, Provider
from torchalloy.di._container import Container
from torchalloy.di._keys import name_of, plain
from torchalloy.di._making import Making

__all__ = ["RunServices", "constant", "services"]

Module = Callable[[Binder], None]


@dataclass(frozen=True, slots=True)
class RunServices:
    """The services of one run; a `torchalloy.core.Services`.

    Attributes:
        injector: The `injector.Injector` behind it, for code that was written for that library.
    """

    injector: Injector

    def get(self, key: Any, /) -> Any:
        """Return the run's one object for `key`: made when first asked for, the same one ever after.

        Raises: AlloyError: Nothing provides `key` or something it needs, or it needs itself; the message says who
            asked and what is bound. An exception of a provider's own code comes through with a note of who asked.
        """
        return self.injector.get(key)

    def child(self, *modules: Any) -> "RunServices":
        """Return services that add `modules` (injector modules or `Provider`s) to these and share what is here.

        What a child adds wins over what its parent has, for everything the child makes itself.

        Raises: AlloyError: Something that is neither, or two providers of one key.
        """
        return RunServices(self.injector.create_child_injector(_as_modules(modules)))


def services(providers: Iterable[Provider], *modules: Any) -> RunServices:
    """Return the services of a new run.

    Args:
        providers: What makes the object of each key; the annotated parameters of `make` are services themselves.
            A parameter with a default gets a service only if its type has a provider.
        modules: Injector modules (or `Provider`s) of the user's; they win over `providers`.

    Raises: AlloyError: Something that is neither provider nor module. PluginError: two providers of one key.
    """
    return RunServices(Container([*_as_modules(list(providers)), *_as_modules(modules)]))


def constant(key: Any, value: Any) -> Provider:
    """Return a provider that says `value` for `key`: a type, or a `NewType` where a type has several meanings."""
    return Provider(key, lambda: value)


def _as_modules(given: Iterable[Any]) -> list[Module]:
    given = list(given)
    _refuse_doubles(one.key for one in given if isinstance(one, Provider))
    return [_bind_one(one) if isinstance(one, Provider) else _checked(one) for one in given]


def _refuse_doubles(keys: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for key in keys:
        if key in seen:
            raise PluginError(f"{name_of(key)} has two providers; leave one out, or use a NewType for one of them")
        seen.add(key)


def _bind_one(provider: Provider) -> Module:
    if get_origin(plain(provider.key)) in (list, dict):
        shown = name_of(provider.key)
        raise AlloyError(
            f"{shown} can't be a key (injector collects lists and dicts); use NewType(name, list) or (name, dict)"
        )

    def configure(binder: Binder) -> None:
        binder.bind(provider.key, to=Making(provider))

    return configure


def _checked(module: Any) -> Module:
    if not callable(module):
        wanted = "an injector Module (class or object), a function that takes a Binder, or a Provider"
        raise AlloyError(f"expected {wanted}; got {type(module).__name__} {module!r}")
    return module  # type: ignore[no-any-return]  # injector takes any callable and finds out by calling it
