"""What is done with a config: training, testing, inference."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

import torch

from torchalloy.adapters.alchemy._document import plain
from torchalloy.adapters.alchemy._evaluate import evaluate
from torchalloy.adapters.alchemy._loading import get_dataloader, seed_worker
from torchalloy.adapters.alchemy._recipe import inference_recipe, scoring_recipe, training_recipe
from torchalloy.adapters.alchemy._result import RunResult
from torchalloy.adapters.alchemy.model import AlchemyModel
from torchalloy.adapters.alchemy.optim import AlchemyOptimizer
from torchalloy.adapters.alchemy.plugins import close_plugins, make_plugins
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.sched import AlchemyTrainScheduler
from torchalloy.adapters.alchemy.task import AlchemyTask, fill_pipes
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError, Recipe
from torchalloy.runtime import run_recipe

__all__ = [
    "ALchemyTester",
    "AlchemyInferenceRunner",
    "AlchemyRunner",
    "AlchemyTester",
    "AlchemyTrainer",
    "RunResult",
    "evaluate",
    "get_dataloader",
    "seed_worker",
]


class AlchemyRunner(Registrable, ABC):
    """The family of runners: context managers that open the plugins, and `run`.

    Args:
        cfg: The config. It becomes `sym_tbl().cfg` itself, so changes to it count while the run is under way.
        device_info: `{"device": "cpu"}` or what `util.device.alloc` gave.
        kwargs: Each becomes a global symbol: `user_dir`, `desc`, `debug`, `no_file`...
    """

    def __init__(self, cfg: Any, device_info: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__()
        table = sym_tbl()
        table.cfg = cfg
        table.device_info = dict(device_info)
        table.device = torch.device(device_info["device"])
        table.ctime = datetime.now()
        for key, value in kwargs.items():
            table.set_global(key, value)
        self._plugins = make_plugins(cfg)
        table.runner = self

    @property
    def data(self) -> dict[str, Any]:
        """The global symbols."""
        return sym_tbl().globals

    def __enter__(self) -> Any:
        try:
            for plugin in self._plugins:
                plugin.__enter__()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, et: type[BaseException] | None, ev: BaseException | None, tb: TracebackType | None) -> None:
        plugins, self._plugins = self._plugins, []
        close_plugins(plugins, (et, ev, tb))

    @abstractmethod
    def run(self) -> Any:
        """Do it. A `RunResult` that is returned is what the caller gets; else one is made."""


@AlchemyRunner.register("Trainer")
class AlchemyTrainer(AlchemyRunner):
    """Trains, and evaluates when the schedule pipes say so."""

    def recipe(self) -> Recipe:
        """Build task, model, data, optimizer and scheduler, and return what is to be run."""
        _require("task", "model", "optim", "sched")
        _build_task_and_model()
        table = sym_tbl()
        table.optim = AlchemyOptimizer.from_registry(_type_of("optim"))
        table.train_sched = AlchemyTrainScheduler.from_registry(_type_of("sched"))
        return training_recipe()

    def run(self) -> Any:
        """Train; the record folder also keeps checkpoints a run can go on from."""
        _run(self.recipe())


@AlchemyRunner.register("Tester")
class ALchemyTester(AlchemyRunner):
    """Evaluates split `test`. Builds neither optimizer nor scheduler."""

    def recipe(self) -> Recipe:
        """Build task, model and data, and return what is to be run."""
        _require("task", "model")
        _build_task_and_model()
        return scoring_recipe("test", needs_loss=False)

    def run(self) -> Any:
        """Evaluate."""
        run_recipe(self.recipe(), style="alchemy_model", progress=False)


@AlchemyRunner.register("InferenceRunner")
class AlchemyInferenceRunner(AlchemyRunner):
    """Calls the task's evaluation step over split `inference`, without scoring."""

    def recipe(self) -> Recipe:
        """Build task, model and data, and return what is to be run."""
        _require("task", "model")
        _build_task_and_model()
        return inference_recipe()

    def run(self) -> Any:
        """Infer."""
        run_recipe(self.recipe(), style="alchemy_model", progress=False)


AlchemyTester = ALchemyTester


def _run(recipe: Recipe) -> None:
    table = sym_tbl()
    desc = table.try_get_global("desc")
    run_recipe(
        recipe,
        style="alchemy_model",
        folder=table.record_dir,
        config=plain(table.cfg) | {"style": "alchemy_model"} | ({"desc": desc} if desc else {}),
        seed=table.try_get_global("seed"),
        keep=2,
        progress=False,
        sinks=("jsonl",),
    )


def _build_task_and_model() -> None:
    table = sym_tbl()
    task = AlchemyTask.from_registry(_type_of("task"))
    fill_pipes(task)
    table.task = task
    table.model = AlchemyModel.from_registry(_type_of("model"))
    table.model.to(table.device)
    for split, options in table.cfg["task"].get("datasets", {}).items():
        table.task.load_dataset(split, **options)


def _require(*keys: str) -> None:
    cfg = sym_tbl().cfg
    missing = [f"[{key}]" for key in keys if key not in cfg]
    missing += [f"{key}.type" for key in keys if key in cfg and "type" not in cfg[key]]
    if missing:
        raise ConfigError(f"the config lacks {', '.join(missing)}")


def _type_of(key: str) -> str:
    return str(sym_tbl().cfg[key]["type"])
