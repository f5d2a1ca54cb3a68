"""What every experiment logger can take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ExperimentLogger", "Prefix", "flatten"]

Prefix = str | Sequence[str]


class ExperimentLogger(ABC):
    """One place where an experiment's records go. A prefix may be several words, joined by `group_separator`."""

    with_media_logging: bool = True
    group_separator: str = "/"

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called."""

    @property
    @abstractmethod
    def save_dir(self) -> Path:
        """The folder it writes to."""

    @abstractmethod
    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Take the hyper-parameters: a dict, an OmegaConf config or a namespace."""

    @abstractmethod
    def log_metrics(self, prefix: Prefix, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Take a stage's metrics."""

    @abstractmethod
    def log_audio(
        self, prefix: Prefix, key: str, audio: Any, sample_rate: int, step: int | None = None, **kwargs: Any
    ) -> None:
        """Take a sound: (T,) or (C, T) float in [-1, 1], at `sample_rate` samples a second.

        Raises: AssertionError: no tensor.
        """

    @abstractmethod
    def log_image(self, prefix: Prefix, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Take an image tensor, (C, H, W) float in [0, 1].

        Raises: AssertionError: no tensor.
        """

    @abstractmethod
    def log_text(self, prefix: Prefix, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Take a text."""

    def joined(self, prefix: Prefix) -> str:
        """Return the prefix as one text."""
        return prefix if isinstance(prefix, str) else self.group_separator.join(prefix)


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


def is_main() -> bool:
    """Whether this process writes."""
    from torchalloy.adapters.flashy.distrib import is_rank_zero

    return is_rank_zero()


def checked_tensor(value: Any) -> Any:
    """Return `value`, which must be a tensor, detached and on the CPU."""
    assert hasattr(value, "detach"), f"only tensors can be logged as sound or image, got {type(value).__name__}"
    return value.detach().cpu()
