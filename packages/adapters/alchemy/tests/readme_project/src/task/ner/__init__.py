# ruff: noqa  # left as its users wrote it, but for the imports
"""Tagging words, as the README's users wrote it: once with the pipes built by hand, once by the base class."""

from typing import Any, Dict

from torchalloy.adapters.alchemy import AlchemyTask, sym_tbl
from torchalloy.adapters.alchemy.pipeline import EvalPipeline, OutputPipeline


@AlchemyTask.register("NerTask")
class AlchemyNerTask(AlchemyTask):
    """Written for the first generation: fills its own pipes, returns a string from eval_step."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = list(self.cfg["meta"]["tags"])
        for pipe in self.cfg["outputpipes"]:
            self.outputpipes.append(OutputPipeline.from_registry(pipe["type"], **pipe))
        for pipe in self.cfg["evalpipes"]:
            self.evalpipes.append(EvalPipeline.from_registry(pipe["type"], **pipe))

    def eval_step(self, batch: Dict[str, Any], needs_loss: bool, **kwargs: Any) -> str:
        assert not sym_tbl().model.model.training
        outputs = sym_tbl().model.forward(batch, needs_loss=needs_loss, requires_grad=False)
        log = "l={:.4g}".format(outputs["loss"]) if needs_loss else ""
        for pipe in self.outputpipes:
            outputs = pipe(outputs, batch)
        return log


@AlchemyTask.register()
class PlainNerTask(AlchemyTask):
    """Written for the third generation: the base class does it all."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = list(self.cfg["meta"]["tags"])
