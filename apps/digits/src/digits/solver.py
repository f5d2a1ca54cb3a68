"""Digits in flashy's style: the Solver keeps its loop."""

from typing import Any

import torch
from torch import Tensor, nn

import torchalloy.adapters.flashy as flashy
from digits.network import Net
from torchalloy.data import Loader, digits

__all__ = ["Solver"]


class Solver(flashy.BaseSolver):
    """Trains and tests the network, epoch by epoch."""

    def __init__(self, cfg: Any) -> None:
        super().__init__()
        self.cfg = cfg
        data = digits()
        self.loaders = {
            "train": Loader(data.train, cfg.batch_size, shuffle=True, seed=cfg.seed),
            "test": Loader(data.test, 360),
        }
        self.device = torch.device("cuda" if torch.cuda.is_available() and cfg.device != "cpu" else "cpu")
        self.model = Net(cfg.model.hidden).to(self.device)
        self.optim = torch.optim.Adam(self.model.parameters(), lr=cfg.lr)
        self.criterion = nn.CrossEntropyLoss()
        self.register_stateful("model", "optim")

    def run(self) -> None:
        """Train and test until the epochs are used up."""
        self.restore()
        for _ in range(self.epoch, self.cfg.epochs + 1):
            self.run_stage("train", self.do_epoch, "train")
            self.evaluate()
            self.commit()

    def evaluate(self) -> None:
        """Test the present weights; `alloy eval` calls it too."""
        self.run_stage("test", self.do_epoch, "test")

    def get_formatter(self, stage_name: str) -> flashy.Formatter:
        """Show accuracy as a percentage."""
        return flashy.Formatter({"accuracy": ".1%", "loss": ".4f"})

    def do_epoch(self, stage: str) -> dict[str, Any]:
        """Walk over the stage's scans once."""
        training = stage == "train"
        self.model.train(training)
        average, metrics = flashy.averager(), {}
        progress = self.log_progress(stage, self.loaders[stage], updates=0)
        for images, labels in progress:
            loss, right = self.step(images.to(self.device), labels.to(self.device), training)
            metrics = average({"loss": loss, "accuracy": right}, len(labels))
            progress.update(loss=loss.detach())
        return {name: float(value) for name, value in metrics.items()}

    def step(self, images: Tensor, labels: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Return loss and share of right answers of one batch, and learn from it in training."""
        with torch.set_grad_enabled(training):
            scores = self.model(images)
            loss = self.criterion(scores, labels)
        if training:
            loss.backward()
            self.optim.step()
            self.optim.zero_grad()
        return loss, (scores.argmax(1) == labels).float().mean()
