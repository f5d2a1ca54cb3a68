# ruff: noqa  # left as its users wrote it, but for the imports
from typing import Any, Dict

import torch
from torch.nn.functional import cross_entropy
from torchalloy.adapters.alchemy import AlchemyModel, sym_tbl
from torchalloy.adapters.alchemy.util import batch_to_device

from .net import Tagger


@AlchemyModel.register("Tagger")
class AlchemyTagger(AlchemyModel):
    """The name `Tagger` stands for this class in a config, although the module holds another `Tagger`."""

    def __init__(self) -> None:
        super().__init__()
        self._model = Tagger(self.model_cfg["num_tags"], self.model_cfg["width"])
        if "model_path" in self.model_cfg:
            self._model.load_state_dict(torch.load(self.model_cfg["model_path"], weights_only=True))

    def max_positions(self) -> int:
        return 8

    def optim_params(self, **kwargs: Any) -> Any:
        return self.model.parameters()

    def forward(self, batch: Dict[str, Any], needs_loss: bool, requires_grad: bool, **kwargs: Any) -> Dict[str, Any]:
        assert self.model.training == requires_grad
        batch = batch_to_device(batch, sym_tbl().device)
        outputs = {"scores": self.model(batch["letters"])}
        if needs_loss:
            loss = cross_entropy(outputs["scores"][batch["mask"]], batch["targets"][batch["mask"]])
            weights = [self.criterion_cfg["weight"]]
            outputs["loss"] = self.backward.backward([loss], weights, requires_grad=requires_grad, names=["tags"])
        return outputs
