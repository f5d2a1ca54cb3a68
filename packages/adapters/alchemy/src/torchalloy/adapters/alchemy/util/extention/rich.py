"""Columns of the progress bars, for user code that draws its own."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = [
    "CompletedColumn",
    "MofNCompleteColumn",
    "ProgressWOTotal",
    "full_columns",
    "get_default_columns",
    "no_total_columns",
]


class CompletedColumn(ProgressColumn):
    """How many items are done, where nobody knows of how many."""

    def render(self, task: Task) -> Text:
        """Return the number done."""
        return Text(f"{int(task.completed)}", style="progress.download")


class _Columns:
    """A layout that makes fresh columns each time it is unpacked or called, so that two bars never share one."""

    def __init__(self, make: Callable[[], list[ProgressColumn]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[ProgressColumn]:
        return iter(self._make())

    def __call__(self) -> list[ProgressColumn]:
        return self._make()


def _full() -> list[ProgressColumn]:
    return [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]


def _no_total() -> list[ProgressColumn]:
    return [TextColumn("{task.description}", markup=False), SpinnerColumn(), CompletedColumn(), TimeElapsedColumn()]


full_columns = _Columns(_full)
no_total_columns = _Columns(_no_total)


def get_default_columns(items: Any) -> Sequence[ProgressColumn]:
    """Return columns that suit walking over `items`: with a total where they have a length."""
    try:
        len(items)
    except TypeError:
        return no_total_columns()
    return full_columns()


class ProgressWOTotal(Progress):
    """A progress display for items without a known number."""

    @classmethod
    def get_default_columns(cls) -> tuple[ProgressColumn, ...]:
        """Return the columns used where none are given."""
        return tuple(no_total_columns())
