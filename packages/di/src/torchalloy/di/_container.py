"""An `injector.Injector` in which everything is made once, and whose errors say what to do."""

import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from injector import (
    AssistedBuilder,
    Binder,
    BoundKey,
    CallError,
    CircularDependency,
    Injector,
    InstanceProvider,
    NoScope,
    Provider,
    ProviderOf,
    Scope,
    ScopeDecorator,
    SingletonScope,
    UnknownProvider,
    UnsatisfiedRequirement,
)
from typing import get_origin

from torchalloy.core import AlloyError, did_you_mean
from torchalloy.di._keys import name_of, why_not_makeable

__all__ = ["Container"]

# What is being made right now, outermost first: (root container, key). A context variable, so that threads don't mix.
_under_way: ContextVar[tuple[tuple["Container", Any], ...]] = ContextVar("_under_way", default=())


class OncePerContainer(Scope):
    """Each key is made once, in the container that has its binding.

    Unlike `injector.singleton` a class without a binding is made by the container that was asked and not by its parent, so
    it sees what the child binds.
    """

    def configure(self) -> None:
        """Start with nothing made."""
        self._made: dict[Any, Provider[Any]] = {}

    def get(self, key: Any, provider: Provider[Any]) -> Provider[Any]:
        """Return a provider of the one object."""
        if key not in self._made:
            self._made[key] = InstanceProvider(provider.get(self.injector))
        return self._made[key]


class Container(Injector):
    """An injector of one run. Differs from its base in that

    * everything is a singleton, marked so or not;
    * a parameter with a default gets a service only if its type has a binding;
    * `NewType`s, standard types, protocols and abstract classes without a binding are an error, never an empty object;
    * errors are `AlloyError`s that name the key, who asked for it, and what is bound.
    """

    def get(self, interface: Any, scope: Any = None) -> Any:
        """Return the object for `interface`; see `RunServices.get`."""
        under_way = _under_way.get()
        link = (self._root(), interface)
        if link in under_way and not self._is_made(interface):
            raise AlloyError(f"{name_of(interface)} needs itself: {_chain((*under_way, link))}; let one of them not ask")
        token = _under_way.set((*under_way, link))
        try:
            self._refuse_unmakeable(interface)
            return super().get(interface, self._scope(interface, scope))
        except (CallError, CircularDependency, UnknownProvider, UnsatisfiedRequirement) as error:
            raise AlloyError(f"{name_of(interface)} can't be made: {error}{_asked_by(_under_way.get())}") from error
        except Exception as error:
            _note(error, _under_way.get())
            raise
        finally:
            _under_way.reset(token)

    def create_child_injector(self, *args: Any, **kwargs: Any) -> "Container":
        """Return a container that adds to this one."""
        return Container(*args, parent=self, **kwargs)

    def args_to_inject(self, function: Callable[..., Any], bindings: dict[str, Any], owner_key: object) -> dict[str, Any]:
        """Return the services for the parameters of `function`, leaving alone those whose default should stand."""
        defaults = _defaults(function)
        asked = {name: key for name, key in bindings.items() if name not in defaults or self._is_bound(key)}
        return {name: self.get(key) for name, key in asked.items()}

    def bound(self) -> list[str]:
        """Return the names of the keys that have a provider here or in a parent, sorted."""
        own = (Injector, Binder)
        keys = {key for binder in self._binders() for key in binder._bindings if binder.has_explicit_binding_for(key)}
        return sorted(name_of(key) for key in keys if key not in own and not _is_scope(key))

    def _root(self) -> "Container":
        return self.parent._root() if isinstance(self.parent, Container) else self

    def _binders(self) -> Iterator[Binder]:
        binder: Binder | None = self.binder
        while binder is not None:
            yield binder
            binder = binder.parent

    def _is_bound(self, key: Any) -> bool:
        return any(binder.has_explicit_binding_for(key) for binder in self._binders())

    def _is_made(self, key: Any) -> bool:
        return False if self._scope(key, None) is not OncePerContainer else self._once_has(key)
