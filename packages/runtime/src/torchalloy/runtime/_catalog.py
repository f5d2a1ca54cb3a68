"""Everything the installed plugins offer: the one place that calls hooks, once a process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torchalloy.core import (
    Command,
    ConfigLoader,
    HandlerFactory,
    Launcher,
    Offer,
    PartFactory,
    Plugins,
    Provider,
    SinkFactory,
    Style,
    UnknownName,
    did_you_mean,
)
from torchalloy.registry import Registry

__all__ = ["Catalog", "catalog"]


@dataclass(frozen=True)
class Catalog:
    """Names to things, by hook, each with the distribution that offers it; and the registry of components."""

    plugins: tuple[str, ...]
    styles: dict[str, Offer[Style]]
    handlers: dict[str, Offer[HandlerFactory]]
    parts: dict[str, Offer[PartFactory]]
    services: dict[str, Offer[Provider]]
    config_loaders: dict[str, Offer[ConfigLoader]]
    launchers: dict[str, Offer[Launcher]]
    sinks: dict[str, Offer[SinkFactory]]
    commands: dict[str, Offer[Command]]
    registry: Registry

    def launcher(self, name: str) -> Launcher:
        """Return the launcher `name`.

        Raises: UnknownName: with the nearest name.
        """
        if name not in self.launchers:
            raise UnknownName(f"no launcher named {name!r}; {did_you_mean(name, self.launchers)}")
        return self.launchers[name].thing

    def offers(self) -> dict[str, dict[str, str]]:
        """Return what is offered as hook -> name -> distribution, for `alloy plugins`."""
        by_hook: dict[str, Mapping[str, Offer[Any]]] = {
            "alloy_styles": self.styles,
            "alloy_handlers": self.handlers,
            "alloy_parts": self.parts,
            "alloy_services": self.services,
            "alloy_config_loaders": self.config_loaders,
            "alloy_launchers": self.launchers,
            "alloy_sinks": self.sinks,
            "alloy_commands": self.commands,
        }
        listed = {hook: {name: offer.source for name, offer in offers.items()} for hook, offers in by_hook.items()}
        listed["alloy_components"] = {
            f"{kind}/{name}": self.registry.source(name, kind)
            for kind in self.registry.kinds()
            for name in self.registry.names(kind)
        }
        return listed


@cache
def catalog() -> Catalog:
    """Load the installed plugins and ask each hook once.

    Raises: PluginError: a plugin can't be loaded, or two offer one name.
    """
    plugins = Plugins.installed()
    registry = Registry()
    for offer in plugins.components().values():
        registry.add(offer.thing.kind, offer.thing.name, offer.thing.target, offer.source)
    return Catalog(
        tuple(plugins.sources()),
        plugins.styles(),
        plugins.handlers(),
        plugins.parts(),
        plugins.services(),
        plugins.config_loaders(),
        plugins.launchers(),
        plugins.sinks(),
        plugins.commands(),
        registry,
    )
