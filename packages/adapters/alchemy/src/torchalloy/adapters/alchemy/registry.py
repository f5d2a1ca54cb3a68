"""Families of classes that a config names by dotted path."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any, TypeVar

from loguru import logger

from torchalloy.adapters.alchemy._errors import DottedAlias, NameTaken, NoFamily, UnknownType
from torchalloy.adapters.alchemy._names import HERE, as_written, canonical
from torchalloy.adapters.alchemy._tables import call_with_table
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import did_you_mean

__all__ = ["Registrable"]

C = TypeVar("C", bound=type)
BUILT_IN = ("runner", "pipeline.itr", "pipeline.lst", "pipeline.output", "pipeline.sched")
ENTRY_MODULES = ("__main__", "__mp_main__")
_sites: dict[tuple[type, str], tuple[str, int, str]] = {}


class Registrable:
    """A base of a family: classes join by `@Family.register()` and are found by dotted path, never by attribute."""

    @classmethod
    def register(cls, alias: str | None = None, exist_ok: bool = False) -> Callable[[C], C]:
        """Return a decorator that makes a class known as `module.Class`, and as `module.alias`.

        Args:
            alias: Another last part of the path; one plain name.
            exist_ok: Replace a class that has the name already.

        Raises: DottedAlias (a NameError): `alias` has a dot. NameTaken (a KeyError), from the decorator: another class
            has the name; running the same code once more (a reload, a notebook cell) is none.
        """
        if alias is not None and "." in alias:
            why = "an alias replaces only the last part of the path, so it has no dot"
            raise DottedAlias(f"{cls.__name__}.register({alias!r}): {why}")
        site = _site(sys._getframe(1))

        def join(member: C) -> C:
            for last in dict.fromkeys((member.__name__, alias or member.__name__)):
                _record(cls, f"{member.__module__}.{last}", member, exist_ok, site)
            return member

        return join

    @classmethod
    def resolve_registered_module(cls, name: str) -> Any:
        """Return the class of this family that `name` stands for; its module is imported if need be.

        Raises: UnknownType (a KeyError): with the nearest name. NoFamily (a RuntimeError): nothing was ever registered
            here. An error of the module being imported comes through as it is.
        """
        asked, name = str(name), canonical(str(name))
        module, _, last = name.rpartition(".")
        if not module:
            raise _unknown(cls, asked, "a type is a dotted path: its module, a dot, its class")
        found = _look_up(cls, name) or _in_entry_script(cls, module, last)
        if found is None:
            _import(cls, asked, module)
            found = _look_up(cls, name)
        if found is None:
            raise _unknown(cls, asked, f"module {as_written(module)!r} registers no such class")
        return found

    @classmethod
    def from_registry(cls, ty: str, *args: Any, **kwargs: Any) -> Any:
        """Build the class that `ty` names, from a config table given as keywords."""
        return call_with_table(cls.resolve_registered_module(ty), kwargs, *args)


def _site(caller: FrameType) -> tuple[str, int, str]:
    return caller.f_code.co_filename, caller.f_lineno, caller.f_globals.get("__name__", "")


def _record(family: type, name: str, member: type, exist_ok: bool, site: tuple[str, int, str]) -> None:
    members = sym_tbl().registry.setdefault(family, {})
    taken = members.get(name)
    if taken is not None and taken is not member:
        if exist_ok:
            logger.info("{} {} replaces the one registered before", family.__name__, name)
        elif not _is_the_same_code(_sites.get((family, name)), site):
            remedy = "register(exist_ok=True) replaces it"
            raise NameTaken(f"{family.__name__}: {name!r} is registered already, as {taken!r}; {remedy}")
    members[name] = member
    _sites[family, name] = site


def _is_the_same_code(before: tuple[str, int, str] | None, now: tuple[str, int, str]) -> bool:
    is_notebook = now[2] == "__main__" and not hasattr(sys.modules["__main__"], "__file__")
    return before == now or is_notebook


def _registries(family: type) -> Iterator[dict[str, type]]:
    """Yield the family's own registry, then those of its subclasses: a class registered there by mistake is found."""
    registry = sym_tbl().registry
    if family in registry:
        yield registry[family]
    yield from (members for other, members in registry.items() if other is not family and issubclass(other, family))


def _look_up(family: type, name: str) -> type | None:
    return next((members[name] for members in _registries(family) if name in members), None)


def _in_entry_script(family: type, module: str, last: str) -> type | None:
    """Return a class of the script that was started, which knows itself only as `__main__`."""
    if module in ENTRY_MODULES or not _is_entry_script(module):
        return None
    for entry in ENTRY_MODULES:
        found = _look_up(family, f"{entry}.{last}")
        if found is not None:
            logger.warning("type '{}.{}' is taken from the script that was started ({})", module, last, entry)
            return found
    return None


def _is_entry_script(module: str) -> bool:
    script: ModuleType = sys.modules["__main__"]
    if getattr(script, "__spec__", None) is not None and script.__spec__ is not None and script.__spec__.name == module:
        return True
    file = getattr(script, "__file__", None)
    if file is None or module.rpartition(".")[2] != os.path.splitext(os.path.basename(file))[0]:
        return False
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is None or spec.origin is None or os.path.realpath(spec.origin) == os.path.realpath(file)


def _import(family: type, asked: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise _unknown(family, asked, f"there is no module {as_written(error.name)!r}") from error
        raise


def _unknown(family: type, asked: str, why: str) -> UnknownType | NoFamily:
    for builtin in BUILT_IN:
        importlib.import_module(f"{HERE}.{builtin}")  # so that their names can be suggested
    known = {as_written(other) for members in _registries(family) for other in members}
    if not known:
        return NoFamily(f"{family.__name__} {asked!r}: {why}, and no {family.__name__} was ever registered")
    return UnknownType(f"no {family.__name__} named {asked!r}: {why}; {did_you_mean(as_written(asked), known)}", asked)
