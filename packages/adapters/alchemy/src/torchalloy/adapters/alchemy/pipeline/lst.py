"""Data pipes whose items have a number."""

from collections.abc import Sequence
from typing import Any

from torchalloy.adapters.alchemy._loading import bar_for
from torchalloy.adapters.alchemy.pipeline._data import DataPipeline, LstDataPipeline

__all__ = ["ItrToLst", "SequenceWrapper"]


@DataPipeline.register()
class SequenceWrapper(LstDataPipeline):
    """A list as a data set."""

    def __init__(self, datapipe: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(datapipe)

    def __getitem__(self, index: int) -> Any:
        return self.datapipe[index]

    def __len__(self) -> int:
        return len(self.datapipe)


@DataPipeline.register()
class ItrToLst(LstDataPipeline):
    """Walks through its input once, when it is built, and keeps every item.

    Args:
        is_sized: Whether the input has a length, which the progress bar then shows.
    """

    def __init__(self, datapipe: Any, is_sized: bool = False, **kwargs: Any) -> None:
        total = len(datapipe) if is_sized else None
        with bar_for(datapipe) as bar:
            super().__init__(list(bar.track(datapipe, total=total, description="ItrToLst")))

    @property
    def data(self) -> list[Any]:
        """The items."""
        return self.datapipe  # type: ignore[no-any-return]

    def __getitem__(self, index: int) -> Any:
        return self.datapipe[index]

    def __len__(self) -> int:
        return len(self.datapipe)
