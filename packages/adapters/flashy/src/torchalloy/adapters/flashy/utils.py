"""Small tools that solvers use."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

__all__ = ["AnyPath", "averager", "readonly", "write_and_rename"]

AnyPath = str | Path


def averager(beta: float = 1) -> Callable[..., dict[str, Any]]:
    """Return an update function that keeps the weighted mean of each metric.

    Each call forgets what came before by `beta` (1 is the plain mean) and returns the means of all metrics ever seen.
    Tensors stay on their device: no step waits for one. The means of tensors are 0-d tensors, which format and convert
    as floats do.

    >>> update = averager()
    >>> update({"loss": 1.0}), update({"loss": 3.0}, 3)
    ({'loss': 1.0}, {'loss': 2.5})
    """
    totals, weights = Averages.current.take() if Averages.current is not None else ({}, {})

    def update(metrics: Mapping[str, Any], weight: float = 1) -> dict[str, Any]:
        for name, value in metrics.items():
            value = _summable(value)
            totals[name] = totals.get(name, 0.0) * beta + weight * value
            weights[name] = weights.get(name, 0.0) * beta + weight
        return {name: total / weights[name] for name, total in totals.items()}

    return update


def _summable(value: Any) -> Any:
    """Return a number, or a detached tensor in which many can be summed."""
    if not hasattr(value, "detach"):
        return float(value)
    value = value.detach()
    return value if value.dtype.itemsize >= 4 and value.is_floating_point() else value.float()


class Averages:
    """The sums of the averagers made in the current stage, so that a run resumed inside it goes on with them.

    The n-th averager a stage makes gets the sums that the n-th one had.
    """

    current: "Averages | None" = None

    def __init__(self, kept: Sequence[tuple[Mapping[str, Any], Mapping[str, float]]] = ()) -> None:
        self._kept = list(kept)
        self._taken: list[tuple[dict[str, Any], dict[str, float]]] = []

    def take(self) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the totals and weights of the next averager."""
        totals, weights = self._kept[len(self._taken)] if len(self._taken) < len(self._kept) else ({}, {})
        self._taken.append((dict(totals), dict(weights)))
        return self._taken[-1]

    def state(self) -> list[tuple[dict[str, Any], dict[str, float]]]:
        """Return the sums as they are now."""
        return [(dict(totals), dict(weights)) for totals, weights in self._taken]


@contextmanager
def averages_kept(averages: Averages) -> Iterator[None]:
    """Let the averagers made in the block keep their sums in `averages`."""
    Averages.current = averages
    try:
        yield
    finally:
        Averages.current = None


@contextmanager
def write_and_rename(path: AnyPath, mode: str = "wb", suffix: str = ".tmp", pid: bool = False) -> Iterator[IO[Any]]:
    """Write a file beside `path` and rename it when it is whole and on disk; on an error nothing is left of it."""
    temporary = f"{path}{f'.{os.getpid()}' if pid else ''}{suffix}"
    try:
        with open(temporary, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def readonly(model: "nn.Module") -> Iterator[None]:
    """Take no gradients for the parameters of `model` in the block; each is put back to what it was."""
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    for parameter, _ in before:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, required in before:
            parameter.requires_grad_(required)
