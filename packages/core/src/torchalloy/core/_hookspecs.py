"""The doors: each hook hands over named things, takes no run-time state, and is called once, at assembly."""

from collections.abc import Iterable

import pluggy

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

__all__ = ["PROJECT", "HookSpecs", "hookimpl"]

PROJECT = "torchalloy"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """What a plugin module may define under `@hookimpl`. A name offered twice is an error naming both packages."""

    @hookspec
    def alloy_styles(self) -> Iterable[Style]:  # type: ignore[empty-body]
        """Offer styles that `style:` in a config may name."""

    @hookspec
    def alloy_handlers(self) -> Iterable[HandlerFactory]:  # type: ignore[empty-body]
        """Offer handlers that `handlers:` in a config may name."""

    @hookspec
    def alloy_parts(self) -> Iterable[PartFactory]:  # type: ignore[empty-body]
        """Offer extra parts that every checkpoint keeps."""

    @hookspec
    def alloy_services(self) -> Iterable[Provider]:  # type: ignore[empty-body]
        """Offer services that user code may ask for by type."""

    @hookspec
    def alloy_components(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Offer models, data sets, losses, optimizers... that a config may name."""

    @hookspec
    def alloy_config_loaders(self) -> Iterable[ConfigLoader]:  # type: ignore[empty-body]
        """Offer loaders of config formats, by suffix."""

    @hookspec
    def alloy_launchers(self) -> Iterable[Launcher]:  # type: ignore[empty-body]
        """Offer launchers that `--launcher` may name."""

    @hookspec
    def alloy_sinks(self) -> Iterable[SinkFactory]:  # type: ignore[empty-body]
        """Offer sinks that `sinks:` in a config may name."""

    @hookspec
    def alloy_commands(self) -> Iterable[Command]:  # type: ignore[empty-body]
        """Offer sub-commands of `alloy`."""
