"""Who is installed, and what each one offers: typed callers around pluggy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from torchalloy.core._errors import PluginError
from torchalloy.core._hookspecs import PROJECT, HookSpecs
from torchalloy.core._offers import (
    Command,
    Component,
    ConfigLoader,
    HandlerFactory,
    Launcher,
    PartFactory,
    Provider,
    SinkFactory,
    Style,
)

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["Offer", "Plugins"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """A thing and the distribution that offers it."""

    thing: T
    source: str


class Plugins:
    """The installed plugins. Each method calls one hook and returns its offers by name.

    Raises: PluginError: from any method, when two distributions offer one name.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(HookSpecs)

    @classmethod
    def installed(cls) -> "Plugins":
        """Load every plugin of the entry-point group `torchalloy`.

        Raises: PluginError: naming the distribution whose plugin can't be imported or has a hook of a wrong name.
        """
        from importlib.metadata import distributions  # 25 ms that only this needs

        plugins = cls()
        for distribution in distributions():
            plugins._load(distribution)
        return plugins

    def register(self, plugin: object, source: str) -> None:
        """Add one plugin by hand; `source` is how messages call it.

        Raises: PluginError: when it has a hook of a wrong name or signature.
        """
        try:
            self._manager.register(plugin, name=source)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"plugin {source}: {error}") from error

    def sources(self) -> list[str]:
        """Return the names of the loaded plugins, sorted."""
        return sorted(name for name, _ in self._manager.list_name_plugin())

    def styles(self) -> dict[str, Offer[Style]]:
        """Styles by name."""
        return self._offers("alloy_styles", lambda style: style.name)

    def handlers(self) -> dict[str, Offer[HandlerFactory]]:
        """Handler factories by name."""
        return self._offers("alloy_handlers", lambda factory: factory.name)

    def parts(self) -> dict[str, Offer[PartFactory]]:
        """Extra checkpoint parts by name."""
        return self._offers("alloy_parts", lambda factory: factory.name)

    def services(self) -> dict[str, Offer[Provider]]:
        """Providers by the name of their type."""
        return self._offers("alloy_services", lambda provider: getattr(provider.key, "__qualname__", str(provider.key)))

    def components(self) -> dict[str, Offer[Component]]:
        """Components by "kind/name"."""
        return self._offers("alloy_components", lambda component: f"{component.kind}/{component.name}")

    def config_loaders(self) -> dict[str, Offer[ConfigLoader]]:
        """Config loaders by name."""
        return self._offers("alloy_config_loaders", lambda loader: loader.name)

    def launchers(self) -> dict[str, Offer[Launcher]]:
        """Launchers by name."""
        return self._offers("alloy_launchers", lambda launcher: launcher.name)

    def sinks(self) -> dict[str, Offer[SinkFactory]]:
        """Sink factories by name."""
        return self._offers("alloy_sinks", lambda factory: factory.name)

    def commands(self) -> dict[str, Offer[Command]]:
        """Sub-commands by name."""
        return self._offers("alloy_commands", lambda command: command.name)

    def _load(self, distribution: "Distribution") -> None:
        entries = distribution.entry_points.select(group=PROJECT)
        if not entries:
            return  # before its metadata is read: most distributions have nothing for us
        source = distribution.metadata["Name"]
        for entry in entries:
            if self._manager.has_plugin(f"{source}:{entry.name}"):
                continue  # one distribution seen twice on sys.path
            try:
                plugin = entry.load()
            except Exception as error:
                raise PluginError(
                    f"plugin {entry.name!r} of {source} ({entry.value}) can't be loaded: {error!r}"
                ) from error
            self.register(plugin, f"{source}:{entry.name}")

    def _offers(self, hook: str, name_of: Callable[[T], str]) -> dict[str, Offer[T]]:
        offers: dict[str, Offer[T]] = {}
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            source = implementation.plugin_name.partition(":")[0]
            things: Iterable[Any] = implementation.function()
            for thing in things:
                name = name_of(thing)
                if name in offers:
                    raise PluginError(
                        f"{hook}: {name!r} is offered by both {offers[name].source} and {source}; uninstall one"
                    )
                offers[name] = Offer(thing, source)
        return dict(sorted(offers.items()))
