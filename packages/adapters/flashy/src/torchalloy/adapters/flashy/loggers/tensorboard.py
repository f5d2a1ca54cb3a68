"""Records for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.xp import get_xp
from torchalloy.adapters.flashy.loggers.base import ExperimentLogger, Prefix, checked_tensor, flatten, is_main

__all__ = ["TensorboardLogger"]


class TensorboardLogger(ExperimentLogger):
    """TensorBoard under the experiment's `tensorboard/`.

    Metrics get there by the run's own TensorBoard sink, which this logger asks for; sounds, images and texts by a
    writer that is opened for the first of them.

    Args:
        save_dir: The folder.
        with_media_logging: Whether sounds, images and texts are written.
        name: What it is called.
    """

    def __init__(self, save_dir: Path, with_media_logging: bool = True, name: str | None = None) -> None:
        self._save_dir = Path(save_dir)
        self.with_media_logging = with_media_logging
        self._name = name or "tensorboard"
        self._writer: Any = None

    @classmethod
    def from_xp(
        cls, with_media_logging: bool = True, name: str | None = None, sub_dir: str | None = None
    ) -> TensorboardLogger:
        """Return the logger of the present experiment."""
        return cls(get_xp().folder / "tensorboard" / (sub_dir or ""), with_media_logging, name)

    @property
    def name(self) -> str:
        """`tensorboard`, unless it was given another name."""
        return self._name

    @property
    def save_dir(self) -> Path:
        """The folder."""
        return self._save_dir

    @property
    def writer(self) -> Any:
        """The writer; None on ranks other than 0."""
        if self._writer is None and is_main():
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._save_dir))  # type: ignore[no-untyped-call,unused-ignore]
        return self._writer

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Write the hyper-parameters to TensorBoard's own page for them."""
        if self.writer is not None:
            self.writer.add_hparams(flatten(params), dict(metrics or {"hparams_metric": -1}))
            self.writer.flush()

    def log_metrics(self, prefix: Prefix, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write nothing: the run's sink does."""

    def log_audio(
        self, prefix: Prefix, key: str, audio: Any, sample_rate: int, step: int | None = None, **kwargs: Any
    ) -> None:
        """Write a sound as `<prefix>/<key>`, the mean of its channels."""
        audio = checked_tensor(audio)
        if self._takes_media():
            mono = (audio.mean(dim=-2) if audio.dim() > 1 else audio).clamp(-0.99, 0.99)
            self.writer.add_audio(f"{self.joined(prefix)}/{key}", mono, step, sample_rate, **kwargs)
            self.writer.flush()

    def log_image(self, prefix: Prefix, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Write an image as `<prefix>/<key>`."""
        image = checked_tensor(image)
        if self._takes_media():
            self.writer.add_image(f"{self.joined(prefix)}/{key}", image, step, **kwargs)
            self.writer.flush()

    def log_text(self, prefix: Prefix, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Write a text as `<prefix>/<key>`."""
        if self._takes_media():
            self.writer.add_text(f"{self.joined(prefix)}/{key}", text, step, **kwargs)
            self.writer.flush()

    def _takes_media(self) -> bool:
        return self.with_media_logging and self.writer is not None
