"""Output, evaluation and schedule pipes."""

from abc import ABC, abstractmethod
from typing import Any

from loguru import logger

from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy.registry import Registrable

__all__ = [
    "BeginEpochPipeline",
    "BeginStepPipeline",
    "EndEpochPipeline",
    "EndStepPipeline",
    "EvalPipeline",
    "OutputPipeline",
    "SchedPipeline",
    "kinds_of",
]


class _Pipe(Registrable):
    @classmethod
    def from_registry(cls, ty: str, *args: Any, **kwargs: Any) -> Any:
        """Build the pipe that `ty` names from its config table."""
        try:
            return super().from_registry(ty, *args, **kwargs)
        except Exception:
            logger.error("{} {} can't be built", cls.__name__, ty)
            raise


class OutputPipeline(_Pipe, ABC):
    """Brings a model's outputs into the form that evaluation or export wants."""

    @abstractmethod
    def __call__(self, outputs: Any, inputs: Any) -> Any:
        """Return the outputs in their new form; `inputs` is the batch they come from."""


class EvalPipeline(_Pipe, ABC):
    """One thing to do after an evaluation: score, log, keep the best."""

    def begin_eval(self, split: str, **kwargs: Any) -> None:
        """Get ready for an evaluation on `split`."""

    @abstractmethod
    def __call__(self, split: str, **kwargs: Any) -> Any:
        """Do it; the dict returned is what the next pipe gets as keywords, None leaves them as they are."""


class SchedPipeline(_Pipe):
    """Something called at moments of the training. A class is of one or more of the four kinds below."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        kinds_of(self)


class BeginEpochPipeline(SchedPipeline):
    """Called as `pipe(**kwargs)` before an epoch's first batch is fetched."""


class EndEpochPipeline(SchedPipeline):
    """Called as `pipe(**kwargs)` after an epoch's last step."""


class BeginStepPipeline(SchedPipeline):
    """Called as `pipe(batch, **kwargs)` before a step; changes made in place are seen by the step."""


class EndStepPipeline(SchedPipeline):
    """Called as `pipe(outputs, **kwargs)` after a step, with what `task.step` returned."""


KINDS = (BeginEpochPipeline, EndEpochPipeline, BeginStepPipeline, EndStepPipeline)


def kinds_of(pipe: object) -> tuple[type, ...]:
    """Return the moments a schedule pipe is for.

    Raises: BadArgument (a ValueError): for none.
    """
    kinds = tuple(kind for kind in KINDS if isinstance(pipe, kind))
    if not kinds:
        names = ", ".join(kind.__name__ for kind in KINDS)
        raise BadArgument(f"{type(pipe).__name__} is a SchedPipeline for no moment; let it extend some of {names}")
    return kinds
