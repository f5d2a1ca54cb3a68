"""An injector that is bound to itself."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from injector import Binder, Injector

__all__ = ["Container"]


class Container(Injector):
    """An `Injector` that can be injected, and that can wrap functions.

    Args:
        modules: As for `injector.Injector`.
        auto_bind: Make classes that nobody bound.
        parent: The injector to ask for what isn't bound here.
    """

    def __init__(self, modules: Any = None, auto_bind: bool = True, parent: Injector | None = None) -> None:
        super().__init__(modules, auto_bind, parent)
        self.binder.bind(Container, to=self)

    def with_injection(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` with its missing arguments injected at each call."""

        @wraps(func)
        def injected(*args: Any, **kwargs: Any) -> Any:
            return self.call_with_injection(func, args=args, kwargs=kwargs)

        return injected


def bind(binder: Binder, key: Any, value: Any) -> None:
    """Bind `key` to the very object `value`."""
    binder.bind(key, to=value)
