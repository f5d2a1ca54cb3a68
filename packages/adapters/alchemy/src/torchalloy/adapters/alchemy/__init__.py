"""alchemy's Task, Model, Optimizer, TrainScheduler and pipelines on torchalloy's Engine.

Importing the face imports no torch, so that looking at what is installed stays quick; using a name does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchalloy.adapters.alchemy._document import prepare_cfg
    from torchalloy.adapters.alchemy._result import RunResult
    from torchalloy.adapters.alchemy._running import run, run_task
    from torchalloy.adapters.alchemy.model import AlchemyModel
    from torchalloy.adapters.alchemy.optim import AlchemyOptimizer
    from torchalloy.adapters.alchemy.runner import AlchemyRunner
    from torchalloy.adapters.alchemy.sched import AlchemyTrainScheduler
    from torchalloy.adapters.alchemy.task import AlchemyTask
    from torchalloy.adapters.alchemy.util.sym import new_scope, sym_tbl

__all__ = [
    "AlchemyModel",
    "AlchemyOptimizer",
    "AlchemyRunner",
    "AlchemyTask",
    "AlchemyTrainScheduler",
    "RunResult",
    "new_scope",
    "prepare_cfg",
    "run",
    "run_task",
    "sym_tbl",
]

_HOME = {
    "AlchemyModel": "model",
    "AlchemyOptimizer": "optim",
    "AlchemyRunner": "runner",
    "AlchemyTask": "task",
    "AlchemyTrainScheduler": "sched",
    "RunResult": "_result",
    "new_scope": "util.sym",
    "prepare_cfg": "_document",
    "run": "_running",
    "run_task": "_running",
    "sym_tbl": "util.sym",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
