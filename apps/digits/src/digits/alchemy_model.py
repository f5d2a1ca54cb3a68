"""Digits in alchemy's style: a task, a model's wrapper and pipes; the config puts them in order."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from digits.network import Net
from torchalloy.adapters.alchemy import AlchemyModel, AlchemyTask, sym_tbl
from torchalloy.adapters.alchemy.pipeline import DataPipeline, EvalPipeline, LstDataPipeline, OutputPipeline
from torchalloy.adapters.alchemy.util import batch_to_device
from torchalloy.core import Mean
from torchalloy.data import digits

__all__ = ["CountRight", "DigitsModel", "DigitsTask", "KeepBest", "Scans"]


@AlchemyTask.register()
class DigitsTask(AlchemyTask):
    """Telling ten digits apart."""

    @property
    def num_classes(self) -> int:
        """How many digits there are."""
        return 10


@DataPipeline.register()
class Scans(LstDataPipeline):
    """One half of the digits.

    Args:
        datapipe: "train" or "test".
    """

    def __init__(self, datapipe: str, **kwargs: Any) -> None:
        super().__init__()
        self.images, self.labels = getattr(digits(), datapipe).tensors

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return one scan and its digit."""
        return {"image": self.images[index], "label": self.labels[index]}

    def __len__(self) -> int:
        return len(self.labels)


@AlchemyModel.register()
class DigitsModel(AlchemyModel):
    """Makes scores and the loss of a batch, and has the loss propagated back."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Net(self.model_cfg["hidden"])

    def optim_params(self, **kwargs: Any) -> Any:
        """Return what is to be trained: everything."""
        return self.model.parameters()

    def forward(self, batch: dict[str, Tensor], needs_loss: bool, requires_grad: bool, **kwargs: Any) -> dict[str, Any]:
        """Return the scores of the ten digits, and the loss if it is asked for."""
        batch = batch_to_device(batch, sym_tbl().device)
        outputs = {"scores": self.model(batch["image"])}
        if needs_loss:
            smoothing = self.criterion_cfg["label_smoothing"]
            loss = F.cross_entropy(outputs["scores"], batch["label"], label_smoothing=smoothing)
            outputs["loss"] = self.backward.backward(loss, requires_grad=requires_grad)
        return outputs


@OutputPipeline.register()
class CountRight(OutputPipeline):
    """Counts what is right in a batch, for the record and for the evaluation pipe that wants the whole."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, outputs: dict[str, Any], inputs: dict[str, Tensor]) -> dict[str, Any]:
        """Return the outputs with `accuracy` as a sum and a count."""
        right = (outputs["scores"].argmax(1).cpu() == inputs["label"]).sum()
        counts = Mean(right, len(inputs["label"]))
        sym_tbl().get_global("counts").append(counts)
        return {**outputs, "accuracy": counts}


@EvalPipeline.register()
class KeepBest(EvalPipeline):
    """Scores an evaluation, and keeps the weights of the best one in `checkpt/best.pt` of the record folder."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.best = -1.0

    def begin_eval(self, split: str, **kwargs: Any) -> None:
        """Begin to count."""
        sym_tbl().set_global("counts", [])

    def __call__(self, split: str, **kwargs: Any) -> dict[str, Any]:
        """Return the accuracy, and whether it is the best so far."""
        totals, counts = zip(*sym_tbl().pop_global("counts"), strict=True)
        accuracy = float(sum(totals) / sum(counts))
        achieve_best = accuracy > self.best
        folder = sym_tbl().try_get_global("checkpt_dir")
        if achieve_best and folder is not None:
            torch.save(sym_tbl().model.module.state_dict(), folder / "best.pt")
        self.best = max(accuracy, self.best)
        return {**kwargs, "accuracy": accuracy, "achieve_best": achieve_best}
