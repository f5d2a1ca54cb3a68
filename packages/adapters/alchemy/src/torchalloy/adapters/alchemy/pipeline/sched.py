"""Schedule pipes that evaluate at set times, and one that freezes or thaws."""

from typing import Any

from loguru import logger

from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy.pipeline._families import (
    BeginEpochPipeline,
    BeginStepPipeline,
    EndEpochPipeline,
    EndStepPipeline,
    SchedPipeline,
)
from torchalloy.adapters.alchemy.util.sym import sym_tbl

__all__ = [
    "EndEvalEEPipeline",
    "EvalAtFinishEEPipeline",
    "EvalAtStartBEPipeline",
    "EvalEEPipeline",
    "EvalESPipeline",
    "EvalEpochEEPipeline",
    "EvalStepESPipeline",
    "InitEvalBEPipeline",
    "SetRequiresGradBSPipeline",
]


class _Evaluating(SchedPipeline):
    def __init__(self, split: str = "dev", needs_loss: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self.split = split
        self.needs_loss = needs_loss

    def evaluate(self) -> None:
        """Evaluate the split now."""
        from torchalloy.adapters.alchemy.runner import evaluate  # the runner builds these pipes

        schedule = sym_tbl().train_sched
        logger.info("evaluate {} at epoch {} step {}", self.split, schedule.cur_epoch, schedule.cur_step)
        evaluate(self.split, needs_loss=self.needs_loss)


@SchedPipeline.register("EvalStepESPipeline")
class EvalESPipeline(_Evaluating, EndStepPipeline):
    """Evaluates after every `period` steps."""

    def __init__(self, period: int, split: str = "dev", needs_loss: bool = True, **kwargs: Any) -> None:
        super().__init__(split, needs_loss)
        self.period = _period(self, period)

    def __call__(self, outputs: Any, **kwargs: Any) -> dict[str, Any]:
        if (sym_tbl().train_sched.cur_step + 1) % self.period == 0:
            self.evaluate()
        return kwargs


@SchedPipeline.register("EvalEpochEEPipeline")
class EvalEEPipeline(_Evaluating, EndEpochPipeline):
    """Evaluates after every `period` epochs."""

    def __init__(self, period: int, split: str = "dev", needs_loss: bool = True, **kwargs: Any) -> None:
        super().__init__(split, needs_loss)
        self.period = _period(self, period)

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        if (sym_tbl().train_sched.cur_epoch + 1) % self.period == 0:
            self.evaluate()
        return kwargs


@SchedPipeline.register("InitEvalBEPipeline")
class EvalAtStartBEPipeline(_Evaluating, BeginEpochPipeline):
    """Evaluates before the first epoch."""

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        if sym_tbl().train_sched.cur_epoch == 0:
            self.evaluate()
        return kwargs


@SchedPipeline.register("EndEvalEEPipeline")
class EvalAtFinishEEPipeline(_Evaluating, EndEpochPipeline):
    """Evaluates after the last epoch."""

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        if sym_tbl().train_sched.cur_epoch + 1 == sym_tbl().cfg["sched"]["epochs"]:
            self.evaluate()
        return kwargs


@SchedPipeline.register()
class SetRequiresGradBSPipeline(BeginStepPipeline):
    """Freezes or thaws a part of the model at one step.

    Args:
        step: The training step, from 0.
        requires_grad: Whether the part is trained from there on.
        mode: Which part; the model knows the names.
    """

    def __init__(self, step: int, requires_grad: bool, mode: str, **kwargs: Any) -> None:
        super().__init__()
        self.step = step
        self.requires_grad = requires_grad
        self.mode = mode
        self.kwargs = {key: value for key, value in kwargs.items() if key != "type"}

    def __call__(self, batch: Any, **kwargs: Any) -> dict[str, Any]:
        if sym_tbl().train_sched.cur_step == self.step:
            sym_tbl().model.set_requires_grad(requires_grad=self.requires_grad, mode=self.mode, **self.kwargs)
        return kwargs


EvalStepESPipeline = EvalESPipeline
EvalEpochEEPipeline = EvalEEPipeline
InitEvalBEPipeline = EvalAtStartBEPipeline
EndEvalEEPipeline = EvalAtFinishEEPipeline


def _period(pipe: object, period: int) -> int:
    if isinstance(period, bool) or not isinstance(period, int) or period < 1:
        raise BadArgument(f"{type(pipe).__name__}: period is {period!r}; it should be an integer of at least 1")
    return period
