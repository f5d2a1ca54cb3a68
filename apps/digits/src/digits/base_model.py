"""Digits in TrainFramework's style: a registered network, data set and model, named by the config."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from digits.network import Net
from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY
from torchalloy.adapters.trainframework.data.dataset import EngineDataSet
from torchalloy.adapters.trainframework.loss.pipe import LossKeyCompose
from torchalloy.adapters.trainframework.model.base_model import BaseModel
from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, BUILD_NETWORK_REGISTRY
from torchalloy.core import Mean
from torchalloy.data import digits

__all__ = ["DigitsModel", "DigitsNet", "DigitsSet"]


@BUILD_NETWORK_REGISTRY.register()
class DigitsNet(Net):
    """The shared network, under a name that the config can say."""


@BUILD_DATASET_REGISTRY.register()
class DigitsSet(EngineDataSet):
    """One half of the digits.

    Args:
        split: "train" or "test".
        transformer: Transforms of the record, from the config.
    """

    def __init__(self, split: str, transformer: Sequence[Any] = ()) -> None:
        super().__init__(transformer)
        self.samples = getattr(digits(), split)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return one scan and its digit."""
        image, label = self.samples[index]
        return self.data_pipeline({"input_data": image, "target_data": label})

    def __len__(self) -> int:
        return len(self.samples)


@BUILD_MODEL_REGISTRY.register()
class DigitsModel(BaseModel):
    """What happens to one batch of scans; network, optimizer and schedule come from the config."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.loss = LossKeyCompose(cfg.TRAINER.LOSS)

    def run_step(self, data: dict[str, Tensor], *, epoch: int | None = None, **kwargs: Any) -> Tensor:
        """Return the loss of a batch."""
        images, labels = self.on_device(data)
        loss: Tensor = self.loss((self.g_model(images), labels))
        return loss

    def generator(self, data: Tensor) -> Tensor:
        """Return the scores of the ten digits."""
        scores: Tensor = self.g_model(data.to(self.device, non_blocking=True))
        return scores

    def evaluate_step(self, data: dict[str, Tensor]) -> dict[str, Any]:
        """Count what is right in a batch of the test scans."""
        images, labels = self.on_device(data)
        scores = self.generator(images)
        loss_sum = torch.nn.functional.cross_entropy(scores, labels, reduction="sum")
        right = (scores.argmax(1) == labels).sum()
        return {"loss": Mean(loss_sum, len(labels)), "accuracy": Mean(right, len(labels))}

    def on_device(self, data: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return scans and digits where the network is."""
        images, labels = (data[name].to(self.device, non_blocking=True) for name in ("input_data", "target_data"))
        return images, labels
