"""From a dotted path to the object it names, with errors that say which part of the path is wrong."""

import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from torchalloy.core import AlloyError, UnknownName, nearest

__all__ = ["blame", "import_path", "is_path"]

_FEW = 20  # names an error message lists in full


def is_path(name: str) -> bool:
    """Return whether `name` reads as a path, `a.b.C` or `a.b:C`, and so can't only be a registered name.

    >>> is_path("torch.optim.SGD"), is_path("my.models:Net.small"), is_path("sgd"), is_path("a..b")
    (True, True, False, False)
    """
    parts = _parts(name)
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def import_path(path: str) -> Any:
    """Import what `path` names.

    Args:
        path: `package.module.attribute`, or `package.module:attribute` where the colon ends the module's name;
            the attribute may itself be dotted (`Net.small`). A module alone is its own object.

    Returns: The object.
    Raises:
        UnknownName: No such module or attribute; the message holds the nearest one.
        AlloyError: The module is there but fails while it is imported; the message says where.

    >>> import_path("os.path:join").__name__
    'join'
    """
    if not all(part.isidentifier() for part in _parts(path)):
        raise UnknownName(f"{path!r} is no dotted path: expected package.module.attribute or package.module:attribute")
    module_name, colon, attributes = path.partition(":")
    if colon:
        return _follow(_import(module_name, path), attributes.split("."), path)
    first, *rest = path.split(".")
    return _follow(_import(first, path), rest, path)


def blame(error: BaseException, near: Iterable[str | Path]) -> str:
    """Return "file:line" where `error` was raised, as deep as possible inside the files or folders `near`.

    Falls back to the deepest frame that has a file, and to "" if there is none.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    roots = [Path(root).resolve() for root in near]
    inside = [frame for frame in frames if any(Path(frame.filename).resolve().is_relative_to(root) for root in roots)]
    deepest = (inside or frames)[-1:]
    return "".join(f"{frame.filename}:{frame.lineno}" for frame in deepest)


def _parts(path: str) -> list[str]:
    return path.replace(":", ".", 1).split(".")


def _follow(thing: Any, names: list[str], path: str) -> Any:
    for name in names:
        thing = _step(thing, name, path)
    return thing


def _step(thing: Any, name: str, path: str) -> Any:
    try:
        return getattr(thing, name)
    except AttributeError as error:
        if _is_package_with(thing, name):
            return _import(f"{thing.__name__}.{name}", path)
        raise UnknownName(_no_attribute(thing, name, path)) from error
    except ImportError as error:  # a module that imports its attributes when they are first asked for
        raise AlloyError(_broken(thing.__name__, error)) from error


def _is_package_with(thing: Any, name: str) -> bool:
    """Return whether `thing` is a package that has a submodule `name` nobody has imported yet."""
    if not isinstance(thing, ModuleType) or not hasattr(thing, "__path__"):
        return False
    return importlib.util.find_spec(f"{thing.__name__}.{name}") is not None


def _import(module_name: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise UnknownName(_no_module(error.name, path)) from error
        raise AlloyError(_broken(module_name, error)) from error
    except AlloyError:
        raise  # already says what and where
    except (Exception, SystemExit) as error:
        raise AlloyError(_broken(module_name, error)) from error


def _no_module(module_name: str, path: str) -> str:
    parent, _, name = module_name.rpartition(".")
    known = _submodules(importlib.import_module(parent)) if parent else [found.name for found in pkgutil.iter_modules()]
    close = nearest(name, known)
    hint = f"did you mean {f'{parent}.{close}' if parent else close!r}? " if close else ""
    return f"{path!r}: there is no module {module_name!r}; {hint}It must be installed, or in a folder on sys.path"


def _no_attribute(thing: Any, name: str, path: str) -> str:
    known = sorted({found for found in dir(thing) if not found.startswith("_")} | set(_submodules(thing)))
    close = nearest(name, known)
    hint = f"; did you mean {close!r}?" if close else "."
    listed = f" It has: {', '.join(known)}" if known and (len(known) <= _FEW) else ""
    return f"{path!r}: {_describe(thing)} has no {name!r}{hint}{listed}"


def _describe(thing: Any) -> str:
    if isinstance(thing, ModuleType):
        return f"module {thing.__name__!r}"
    return repr(getattr(thing, "__qualname__", None) or type(thing).__qualname__)


def _submodules(thing: Any) -> list[str]:
    return [found.name for found in pkgutil.iter_modules(getattr(thing, "__path__", []))]


def _broken(module_name: str, error: BaseException) -> str:
    place = blame(error, _roots(module_name))
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"module {module_name!r} can't be imported: {type(error).__name__}: {text}{f' ({place})' if place else ''}"


def _roots(module_name: str) -> list[str]:
    """Return the file or the folders of the top-level package: looking it up runs none of its code."""
    spec = importlib.util.find_spec(module_name.partition(".")[0])
    if spec is None:
        return []
    return list(spec.submodule_search_locations or ()) or ([spec.origin] if spec.origin else [])
