"""Digits in thexp's style: a Trainer with Params, Meters and callbacks."""

from typing import Any

import torch
from torch import Tensor, nn

from digits.network import Net
from torchalloy.adapters.thexp import AvgMeter, Meter, Params, Trainer
from torchalloy.adapters.thexp.frame.callbacks import EvalCallback, LoggerCallback
from torchalloy.data import Loader, digits

__all__ = ["DigitsTrainer"]


class DigitsTrainer(Trainer):
    """What happens to one batch of scans."""

    def initial_trainer(self, params: Params) -> None:
        """Make the network, its optimizer and the data."""
        data = digits()
        self.model = Net(params.hidden).to(self.device)
        self.optim = torch.optim.Adam(self.model.parameters(), lr=params.lr)
        self.cross = nn.CrossEntropyLoss()
        self.regist_databundler(
            train=Loader(data.train, params.batch_size, shuffle=True, seed=params.seed),
            test=Loader(data.test, 360),
        )

    def initial_callback(self) -> None:
        """Test after each epoch, and log."""
        EvalCallback(eval_per_epoch=0, test_per_epoch=1).hook(self)
        LoggerCallback().hook(self)

    def train_batch(
        self,
        eidx: int,
        idx: int,
        global_step: int,
        batch_data: tuple[Tensor, Tensor],
        params: Params,
        device: torch.device,
    ) -> Meter:
        """Learn from a batch."""
        meter = Meter()
        images, labels = (part.to(device, non_blocking=True) for part in batch_data)
        meter.loss = self.cross(self.model(images), labels)
        meter.loss.backward()
        self.optim.step()
        self.optim.zero_grad()
        return meter

    def test_eval_logic(self, dataloader: Any, param: Params) -> AvgMeter:
        """Count what is right in the test scans."""
        average = AvgMeter()
        with torch.no_grad():
            for batch in dataloader:
                images, labels = (part.to(self.device, non_blocking=True) for part in batch)
                scores = self.model(images)
                meter = Meter()
                meter.loss = self.cross(scores, labels)
                meter.accuracy = (scores.argmax(1) == labels).float().mean()
                meter.percent(meter.accuracy_)
                average.update(meter)
        return average
