"""Who is called what: names by kind, each with the distribution it comes from."""

from dataclasses import dataclass
from typing import Any

from torchalloy.core import AlloyError, PluginError, UnknownName, did_you_mean
from torchalloy.registry._build import build
from torchalloy.registry._dotted import import_path, is_path

__all__ = ["Registry"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A registered thing: the object itself, or "package.module:attribute" until it is first asked for."""

    target: Any
    source: str


class Registry:
    """Names of each kind (model, optimizer, loss...) and the objects they stand for. Holds nothing global.

    >>> registry = Registry()
    >>> registry.add("loss", "sum", "builtins:sum", source="my-losses")
    >>> registry.find("sum", "loss")([1, 2])
    3
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}

    def add(self, kind: str, name: str, target: Any, source: str) -> None:
        """Register `target` as `name`.

        Args:
            kind: Names are unique within one kind.
            target: The object, or "package.module:attribute", imported when first asked for.
            source: The distribution (or file) that offers it, as messages call it.

        Raises: PluginError: The kind has the name already; naming both sources. The same object again, or its
            reloaded self from the same source, is no clash.
        """
        entries = self._entries.setdefault(kind, {})
        known = entries.get(name)
        if known is not None and not _same(known, _Entry(target, source)):
            raise PluginError(
                f"{kind} {name!r} is offered twice: by {known.source} ({_show(known.target)}) "
                f"and by {source} ({_show(target)}); rename one or uninstall its distribution"
            )
        entries[name] = _Entry(target, source)

    def kinds(self) -> list[str]:
        """Return the kinds that have names, sorted."""
        return sorted(self._entries)

    def names(self, kind: str) -> list[str]:
        """Return the names of `kind`, sorted; of all kinds for ""."""
        return sorted(self._of(kind) if kind else {name for entries in self._entries.values() for name in entries})

    def source(self, name: str, kind: str) -> str:
        """Return the distribution that offers `name`.

        Raises: UnknownName: `kind` has no such name.
        """
        if name not in self._of(kind):
            raise UnknownName(f"no {kind} named {name!r}; {did_you_mean(name, self.names(kind))}")
        return self._of(kind)[name].source

    def find(self, name: str, kind: str = "") -> Any:
        """Return what `name` stands for: a registered name of `kind`, or else a dotted path.

        Args:
            name: A registered name, `package.module.attribute`, or `package.module:attribute`.
            kind: Where to look; "" looks through all kinds.

        Raises:
            UnknownName: Nobody knows it; the message holds the nearest name.
            AlloyError: The module it lives in can't be imported, or several kinds have the name and none was asked for.
        """
        kinds = [kind] if kind else [one for one in self.kinds() if name in self._entries[one]]
        if len(kinds) > 1:
            several = ", ".join(kinds)
            raise AlloyError(f"{name!r} is the name of more than one kind: {several}; use a dotted path instead")
        if kinds and name in self._of(kinds[0]):
            return self._resolve(kinds[0], name)
        if is_path(name):
            return import_path(name)
        what = f"{kind} named {name!r}" if kind else f"registered name {name!r}"
        hint = did_you_mean(name, self.names(kind))
        raise UnknownName(f"no {what}, and it is no dotted path (package.module.attribute); {hint}")

    def build(self, node: Any, kind: str = "", /, *positional: Any) -> Any:
        """Build what a config node describes.

        Args:
            node: A name, or a mapping that says the name in `_target_`, `_call`, `_use`, `type` or `name` (the first of
                these that is there; the others are then parameters) and the parameters beside it. `_args_` lists
                parameters by position. `_partial_: true` binds the parameters without calling, and so does `_use`,
                which is the object itself where no parameters are given. A callable may stand for its name.
                Mappings with `_target_`, `_call` or `_use` among the parameters, at any depth, are built first.
            kind: Where to look the name up; "" for nested nodes.
            positional: Passed first, by position.

        Returns: What the call returned.
        Raises:
            UnknownInNode: An unknown name or parameter (also an `UnknownName`).
            BuildError: Parameters that don't fit the signature (checked before the call), or a call that failed.
            AlloyError: A module that can't be imported.
        """
        return build(self.find, node, kind, positional)

    def _of(self, kind: str) -> dict[str, _Entry]:
        return self._entries.get(kind, {})

    def _resolve(self, kind: str, name: str) -> Any:
        entry = self._entries[kind][name]
        if not isinstance(entry.target, str):
            return entry.target
        try:
            target = import_path(entry.target)
        except AlloyError as error:
            raise type(error)(f"{kind} {name!r} of {entry.source}: {error}") from error
        self._entries[kind][name] = _Entry(target, entry.source)
        return target


def _same(known: _Entry, new: _Entry) -> bool:
    if known.target is new.target:
        return True
    reloadable = "<" not in _show(known.target)  # locals and lambdas may share a name without being the same
    return known.source == new.source and reloadable and _show(known.target) == _show(new.target)


def _show(target: Any) -> str:
    if isinstance(target, str):
        return target
    name = getattr(target, "__qualname__", None)
    return f"{target.__module__}:{name}" if name else repr(target)
