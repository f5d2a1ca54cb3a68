"""Records as plain files in the experiment's folder."""

from __future__ import annotations

import json
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.xp import get_xp
from torchalloy.adapters.flashy.loggers.base import ExperimentLogger, Prefix, checked_tensor, flatten, is_main
from torchalloy.core import MissingExtra

__all__ = ["LocalFSLogger"]


class LocalFSLogger(ExperimentLogger):
    """Files under the experiment's `outputs/`. Metrics need none: the history has them.

    Args:
        root: The folder.
        with_media_logging: Whether sounds, images and texts are written.
        use_subdirs: Whether the words of a prefix, and the step, are folders of their own.
    """

    def __init__(self, root: Path, with_media_logging: bool = True, use_subdirs: bool = False) -> None:
        self._root = Path(root)
        self.with_media_logging = with_media_logging
        self.group_separator = "/" if use_subdirs else "_"

    @classmethod
    def from_xp(
        cls, with_media_logging: bool = True, sub_dir: str | None = None, use_subdirs: bool = False
    ) -> LocalFSLogger:
        """Return the logger of the present experiment."""
        return cls(get_xp().folder / "outputs" / (sub_dir or ""), with_media_logging, use_subdirs)

    @property
    def name(self) -> str:
        """`local`."""
        return "local"

    @property
    def save_dir(self) -> Path:
        """The folder."""
        return self._root

    def log_hyperparams(self, params: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Write `hyperparams.json`, one flat object with dotted names."""
        if is_main():
            self._root.mkdir(parents=True, exist_ok=True)
            (self._root / "hyperparams.json").write_text(json.dumps(flatten(params), indent=2))

    def log_metrics(self, prefix: Prefix, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write nothing."""

    def log_audio(
        self, prefix: Prefix, key: str, audio: Any, sample_rate: int, step: int | None = None, **kwargs: Any
    ) -> None:
        """Write `<prefix>_<step>/<key>.wav`, 16 bits a sample."""
        audio = checked_tensor(audio)
        if self.with_media_logging and is_main():
            _write_wav(self._path(prefix, key, step, ".wav"), audio, sample_rate, **kwargs)

    def log_image(self, prefix: Prefix, key: str, image: Any, step: int | None = None, **kwargs: Any) -> None:
        """Write `<prefix>_<step>/<key>.png` by torchvision, which gets `kwargs`.

        Raises: MissingExtra: torchvision isn't installed.
        """
        image = checked_tensor(image)
        if not (self.with_media_logging and is_main()):
            return
        try:
            from torchvision.utils import save_image  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise MissingExtra("log_image writes PNG files by torchvision: pip install torchvision") from error
        save_image(image, self._path(prefix, key, step, ".png"), **kwargs)

    def log_text(self, prefix: Prefix, key: str, text: str, step: int | None = None, **kwargs: Any) -> None:
        """Write `<prefix>_<step>/<key>.txt`."""
        if self.with_media_logging and is_main():
            self._path(prefix, key, step, ".txt").write_text(text, encoding="utf-8")

    def _path(self, prefix: Prefix, key: str, step: int | None, suffix: str) -> Path:
        words = [self.joined(prefix), *([] if step is None else [str(step)])]
        path = self._root / self.group_separator.join(words) / f"{key}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _write_wav(path: Path, audio: Any, sample_rate: int) -> None:
    samples_CT = audio.float().reshape(-1, audio.shape[-1]).clamp(-1, 1)  # C channels, T times
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples_CT.shape[0])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples_CT.T * 32767).round().short().numpy().astype("<i2").tobytes())
