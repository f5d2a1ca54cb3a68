"""Data pipes: each wraps the one before it, the last is the data set."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from loguru import logger
from torch.utils.data import Dataset, IterableDataset

from torchalloy.adapters.alchemy._tables import call_with_table
from torchalloy.adapters.alchemy.registry import Registrable

__all__ = ["DataPipeline", "ItrDataPipeline", "LstDataPipeline"]


class DataPipeline(Registrable):
    """The family of data pipes. A constructor gets the pipe before it first, then its config table as keywords."""

    @classmethod
    def from_registry(cls, ty: str, datapipe: Any = None, **kwargs: Any) -> Any:
        """Build the pipe that `ty` names upon `datapipe`."""
        pipe = cls.resolve_registered_module(ty)
        try:
            return call_with_table(pipe, kwargs, datapipe)
        except Exception:
            logger.error("data pipe {} can't be built", ty)
            raise


class ItrDataPipeline(IterableDataset[Any], DataPipeline):
    """A pipe that is walked through."""

    def __init__(self, datapipe: Any = None) -> None:
        super().__init__()
        self.datapipe = datapipe

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Yield the items."""
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")


class LstDataPipeline(Dataset[Any], DataPipeline):
    """A pipe whose items have a number."""

    def __init__(self, datapipe: Any = None) -> None:
        super().__init__()
        self.datapipe = datapipe

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """Return an item."""
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items."""
        raise NotImplementedError(f"{type(self).__name__} has no __len__")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))
