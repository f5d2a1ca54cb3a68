"""An `injector.Injector` in which everything is made once, and whose errors say what to do."""

import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, get_origin

import injector
from injector import AssistedBuilder, Binder, BoundKey, CallError, Injector, InstanceProvider, ProviderOf, Scope

from torchalloy.core import AlloyError, nearest
from torchalloy.di._keys import name_of, why_not_makeable

__all__ = ["Container"]

Asked = tuple[tuple[Injector, Any], ...]

# What is being made right now, outermost first. A context variable, so that threads don't mix.
_under_way: ContextVar[Asked] = ContextVar("_under_way", default=())


class OncePerContainer(Scope):
    """Each key is made once, in the container that has its binding.

    Unlike with `injector.singleton` a class without a binding is made by the container that was asked and not by its
    parent, so it sees what the child binds.
    """

    def configure(self) -> None:
        """Start with nothing made."""
        self._made: dict[Any, injector.Provider[Any]] = {}

    def get(self, key: Any, provider: injector.Provider[Any]) -> injector.Provider[Any]:
        """Return a provider of the one object."""
        if key not in self._made:
            self._made[key] = InstanceProvider(provider.get(self.injector))
        return self._made[key]


class Container(Injector):
    """An injector of one run. Differs from its base in that

    * everything is made once, marked `singleton` or not (`threadlocal` stays what it is);
    * a parameter with a default gets a service only if its type has a binding;
    * `NewType`s, standard types, protocols and abstract classes without a binding are an error, never an empty object;
    * errors are `AlloyError`s that name the key, who asked for it, and what is bound.
    """

    def get(self, interface: Any, scope: Any = None) -> Any:
        """Return the object for `interface`; see `RunServices.get`."""
        asked = (*_under_way.get(), (self, interface))
        if asked[-1] in asked[:-1]:
            raise AlloyError(
                f"{name_of(interface)} needs itself: {_chain(asked)}; one of them must not ask for the next"
            )
        token = _under_way.set(asked)
        try:
            self._refuse_unmakeable(interface, asked)
            return super().get(interface, self._scope(interface, scope))
        except AlloyError:
            raise  # said already, by whoever was asked last
        except injector.Error as error:
            reason = error.args[4] if isinstance(error, CallError) and len(error.args) > 4 else error
            raise AlloyError(f"{name_of(interface)} can't be made: {reason}{_asked_by(asked)}") from error
        except Exception as error:
            _add_note(error, asked)
            raise
        finally:
            _under_way.reset(token)

    def create_child_injector(self, *args: Any, **kwargs: Any) -> "Container":
        """Return a container that adds to this one."""
        kwargs["parent"] = self
        return Container(*args, **kwargs)

    def args_to_inject(
        self, function: Callable[..., Any], bindings: dict[str, Any], owner_key: object
    ) -> dict[str, Any]:
        """Return the services for the parameters of `function`, leaving alone those whose default should stand."""
        defaults = _defaults(function)
        return {name: self.get(key) for name, key in bindings.items() if name not in defaults or self._is_bound(key)}

    def bound(self) -> list[str]:
        """Return the names of the keys that have a binding here or in a parent, sorted."""
        # `_bindings` is the only way to list them; injector has no public one.
        keys = {key for binder in self._binders() for key in binder._bindings if binder.has_explicit_binding_for(key)}
        return sorted(name_of(key) for key in keys if key not in (Injector, Binder) and not _is_scope(key))

    def _refuse_unmakeable(self, key: Any, asked: Asked) -> None:
        if any(binder.has_binding_for(key) for binder in self._binders()):
            return
        if get_origin(key) in (ProviderOf, AssistedBuilder) or isinstance(key, BoundKey):
            return  # injector's own ways to ask for something that is bound
        reason = why_not_makeable(key)
        if reason is not None:
            raise AlloyError(self._unbound(key, reason, asked))

    def _unbound(self, key: Any, reason: str, asked: Asked) -> str:
        bound = self.bound()
        close = nearest(name_of(key), bound)
        hint = f"Did you mean {close!r}? " if close else ""
        return (
            f"nothing provides {name_of(key)}: {reason}{_asked_by(asked)}. "
            f"{hint}Bind it in an injector module or offer a Provider. Bound: {', '.join(bound) or 'nothing'}"
        )

    def _scope(self, key: Any, scope: Any) -> Any:
        chosen = scope or self.binder.get_binding(key)[0].scope
        chosen = chosen.scope if isinstance(chosen, injector.ScopeDecorator) else chosen
        return OncePerContainer if chosen in (injector.NoScope, injector.SingletonScope) else chosen

    def _is_bound(self, key: Any) -> bool:
        return any(binder.has_explicit_binding_for(key) for binder in self._binders())

    def _binders(self) -> Iterator[Binder]:
        binder: Binder | None = self.binder
        while binder is not None:
            yield binder
            binder = binder.parent


def _defaults(function: Callable[..., Any]) -> set[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set()  # some builtins have no signature
    return {parameter.name for parameter in parameters if parameter.default is not inspect.Parameter.empty}


def _is_scope(key: Any) -> bool:
    return isinstance(key, type) and issubclass(key, Scope)


def _chain(asked: Asked) -> str:
    return " -> ".join(name_of(key) for _, key in asked)


def _asked_by(asked: Asked) -> str:
    return f"; asked for by {_chain(asked[:-1])}" if len(asked) > 1 else ""


def _add_note(error: Exception, asked: Asked) -> None:
    """Say on a user's own exception what was being made; the innermost maker says it, the others pass it on."""
    note = "While making the service "
    if not any(said.startswith(note) for said in getattr(error, "__notes__", ())):
        error.add_note(f"{note}{_chain(asked)}")
