"""Where an experiment's metrics, images and texts go, besides the log lines. Only rank 0 writes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.xp import get_xp

__all__ = ["ExperimentLogger", "LocalFSLogger", "TensorboardLogger"]


class ExperimentLogger(ABC):
    """What every experiment logger can take."""

    @abstractmethod
    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Take the hyper-parameters: a dict, an OmegaConf config or a namespace."""

    @abstractmethod
    def log_metrics(self, prefix: str, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Take a stage's metrics."""

    @abstractmethod
    def log_image(self, prefix: str, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Take an image tensor, (C, H, W) float in [0, 1]."""

    @abstractmethod
    def log_text(self, prefix: str, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Take a text."""


class LocalFSLogger(ExperimentLogger):
    """Files under the experiment's `outputs/`. Metrics need none: the history has them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def from_xp(cls, sub_dir: str = "") -> LocalFSLogger:
        """Return the logger of the present experiment."""
        return cls(get_xp().folder / "outputs" / sub_dir)

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Write `hyperparams.json`, one flat object with dotted names."""
        if _is_main():
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / "hyperparams.json").write_text(json.dumps(flatten(params), indent=2))

    def log_metrics(self, prefix: str, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write nothing."""

    def log_image(self, prefix: str, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Write `<prefix>_<step>/<key>.png`; needs torchvision."""
        if _is_main():
            from torchvision.utils import save_image  # type: ignore[import-not-found,unused-ignore]  # optional, as it was for flashy

            save_image(image, self._path(prefix, key, step, ".png"), **kwargs)

    def log_text(self, prefix: str, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Write `<prefix>_<step>/<key>.txt`."""
        if _is_main():
            self._path(prefix, key, step, ".txt").write_text(text)

    def _path(self, prefix: str, key: str, step: int | None, suffix: str) -> Path:
        folder = self.root / (prefix if step is None else f"{prefix}_{step}")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{key}{suffix}"


class TensorboardLogger(ExperimentLogger):
    """TensorBoard under the experiment's `tensorboard/`.

    Metrics get there by the run's own TensorBoard sink, which this logger asks for; images and texts by a writer that
    is opened for the first of them.
    """

    def __init__(self, save_dir: Path, with_media_logging: bool = True) -> None:
        self.save_dir = save_dir
        self.with_media_logging = with_media_logging
        self._writer: Any = None

    @classmethod
    def from_xp(cls, with_media_logging: bool = True, name: str | None = None, sub_dir: str = "") -> TensorboardLogger:
        """Return the logger of the present experiment."""
        return cls(get_xp().folder / "tensorboard" / sub_dir, with_media_logging)

    @property
    def writer(self) -> Any:
        """The writer; None on ranks other than 0."""
        if self._writer is None and _is_main():
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.save_dir))  # type: ignore[no-untyped-call,unused-ignore]
        return self._writer

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Write the hyper-parameters to TensorBoard's own page for them."""
        if self.writer is not None:
            self.writer.add_hparams(flatten(params), dict(metrics or {"hparams_metric": -1}))

    def log_metrics(self, prefix: str, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write nothing: the run's sink does."""

    def log_image(self, prefix: str, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Write an image as `<prefix>/<key>`."""
        if self.with_media_logging and self.writer is not None:
            self.writer.add_image(f"{prefix}/{key}", image, step, **kwargs)

    def log_text(self, prefix: str, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Write a text as `<prefix>/<key>`."""
        if self.with_media_logging and self.writer is not None:
            self.writer.add_text(f"{prefix}/{key}", text, step, **kwargs)


def flatten(params: Any) -> dict[str, Any]:
    """Return nested parameters as one flat dict with dotted names; what JSON has no word for becomes text.

    >>> flatten({"optim": {"lr": 0.1}, "device": None})
    {'optim.lr': 0.1, 'device': 'None'}
    """
    flat: dict[str, Any] = {}
    for name, value in (params if isinstance(params, MutableMapping) else vars(params)).items():
        if isinstance(value, MutableMapping):
            flat |= {f"{name}.{below}": leaf for below, leaf in flatten(value).items()}
        else:
            flat[str(name)] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat


def _is_main() -> bool:
    from torchalloy.adapters.flashy.distrib import is_rank_zero

    return is_rank_zero()
