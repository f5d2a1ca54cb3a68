"""What a user's data set extends."""

from collections.abc import Sequence
from typing import Any

from torch.utils.data import Dataset

from torchalloy.adapters.trainframework.transforms.pipe import TransformCompose

__all__ = ["EngineDataSet"]


class EngineDataSet(Dataset[Any]):
    """A map-style data set with a pipeline of transforms; a subclass defines `__getitem__` and `__len__`.

    Args:
        transformers: What `TransformCompose` takes; may be empty.
    """

    def __init__(self, transformers: Sequence[Any] = ()) -> None:
        self.transformers = TransformCompose(transformers)

    def data_pipeline(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the record `results` after all transforms."""
        return self.transformers(results)

    def transformate(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return `data_pipeline(results)`; the name it had before."""
        return self.data_pipeline(results)

    def __getitem__(self, index: int) -> Any:
        """Return sample `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index)")

    def __len__(self) -> int:
        """Return the number of samples."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(samples={len(self)}, {self.transformers})"
