"""What is to be learned: its data, and how it is scored."""

from collections.abc import Mapping
from typing import Any

from loguru import logger

from torchalloy.adapters.alchemy._chain import call_in_turn
from torchalloy.adapters.alchemy._errors import NoSuchSplit
from torchalloy.adapters.alchemy.pipeline import DataPipeline, EvalPipeline, OutputPipeline
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.util.collate_fn import CollateFn, DefaultCollateFn
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError, did_you_mean

__all__ = ["AlchemyTask", "DefaultTask"]


class AlchemyTask(Registrable):
    """Loads data, and turns steps into results. A subclass's constructor takes no arguments.

    Attributes:
        outputpipes: Called on the model's outputs in an evaluation.
        evalpipes: Called after one. Both are built from the config once the constructor is done, if it left them empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outputpipes: list[Any] = []
        self.evalpipes: list[Any] = []
        self._datasets: dict[str, tuple[Any, dict[str, Any]]] = {}

    @property
    def cfg(self) -> Any:
        """Config table `[task]`."""
        return sym_tbl().cfg["task"]

    def max_positions(self) -> Any:
        """Return the longest sample the task has, or None."""
        return None

    def dataset(self, split: str) -> tuple[Any, dict[str, Any]]:
        """Return the data set of `split`, and how it is loaded.

        Raises: NoSuchSplit (a KeyError): with the nearest one.
        """
        if split not in self._datasets:
            raise NoSuchSplit(f"[task.datasets]: no split {split!r} is loaded; {did_you_mean(split, self._datasets)}")
        return self._datasets[split]

    def load_dataset(self, split: str, **kwargs: Any) -> None:
        """Build the pipes of `split` one upon the other; what isn't `pipes` goes to the loader.

        The first pipe may carry its source as `datapipe`.

        Raises: ConfigError: there are no pipes.
        """
        logger.info("Load dataset {}", split)
        loading = dict(kwargs)
        pipes = loading.pop("pipes", None)
        if not pipes:
            raise ConfigError(
                f"[task.datasets.{split}]: key 'pipes' is missing or empty; its last pipe is the data set"
            )
        datapipe: Any = None
        for index, table in enumerate(pipes):
            options = dict(table)
            source = options.pop("datapipe", None)
            datapipe = DataPipeline.from_registry(options["type"], source if index == 0 else datapipe, **options)
        loading.setdefault("batch_size", None)
        loading["collate_fn"] = _collate_fn(loading.get("collate_fn"))
        self._datasets[split] = (datapipe, loading)

    def step(self, batch: Any, **kwargs: Any) -> tuple[str, Any]:
        """Train on a batch; return what the progress bar says, and the outputs."""
        outputs = sym_tbl().model.forward(batch, needs_loss=True, requires_grad=True)
        return _log(outputs), outputs

    def eval_step(self, batch: Any, needs_loss: bool, **kwargs: Any) -> Any:
        """Evaluate a batch; return what the progress bar says, and the outputs behind all output pipes."""
        outputs = sym_tbl().model.forward(batch, needs_loss=needs_loss, requires_grad=False)
        log = _log(outputs) if needs_loss else ""
        for pipe in self.outputpipes:
            outputs = pipe(outputs, batch)
        return log, outputs

    def begin_eval(self, split: str, **kwargs: Any) -> None:
        """Tell the pipes that an evaluation on `split` begins."""
        for pipe in (*self.outputpipes, *self.evalpipes):
            if hasattr(pipe, "begin_eval"):
                pipe.begin_eval(split, **kwargs)

    def end_eval(self, split: str, **kwargs: Any) -> dict[str, Any]:
        """Call the evaluation pipes in order, and return what the last one returned."""
        return call_in_turn(self.evalpipes, split, **kwargs)


@AlchemyTask.register("Default")
class DefaultTask(AlchemyTask):
    """A task that the config alone describes."""


def fill_pipes(task: Any) -> None:
    """Build the pipes the config lists where the task's own constructor didn't."""
    for name, family in (("outputpipes", OutputPipeline), ("evalpipes", EvalPipeline)):
        if not getattr(task, name):
            setattr(task, name, [family.from_registry(table["type"], **table) for table in task.cfg.get(name, ())])


def _log(outputs: Any) -> str:
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else None
    return "" if loss is None else f"l={loss:.4g}"


def _collate_fn(given: Any) -> Any:
    if given is None:
        return DefaultCollateFn()
    return CollateFn.from_registry(given["type"], **given) if isinstance(given, Mapping) else given
