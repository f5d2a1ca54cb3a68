"""The composition root and the Python API: assemble, train, evaluate, resume. Imports torch only when used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchalloy.runtime._assembly import Assembled, assemble
    from torchalloy.runtime._catalog import Catalog, catalog
    from torchalloy.runtime._result import RunResult
    from torchalloy.runtime._script import run_recipe
    from torchalloy.runtime._train import Explanation, evaluate, explain, resume, train

__all__ = [
    "Assembled",
    "Catalog",
    "Explanation",
    "RunResult",
    "assemble",
    "catalog",
    "evaluate",
    "explain",
    "resume",
    "run_recipe",
    "train",
]

_HOME = {
    "Assembled": "_assembly",
    "assemble": "_assembly",
    "Catalog": "_catalog",
    "catalog": "_catalog",
    "RunResult": "_result",
    "run_recipe": "_script",
    "Explanation": "_train",
    "evaluate": "_train",
    "explain": "_train",
    "resume": "_train",
    "train": "_train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
