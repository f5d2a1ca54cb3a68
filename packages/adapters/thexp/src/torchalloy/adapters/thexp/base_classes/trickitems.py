"""Values that stand in for numbers: nothing yet, and a running mean."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from torchalloy.optim import read_back

__all__ = ["AvgItem", "NoneItem"]


class NoneItem:
    """What a meter gives for a name it doesn't have: zero in sums, one in products, equal to None."""

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, NoneItem)

    def __ne__(self, other: object) -> bool:
        return other is not self

    __hash__ = object.__hash__

    def __lt__(self, _: object) -> bool:
        return True

    __gt__ = __le__ = __ge__ = __lt__

    def __add__(self, other: Any) -> Any:
        return other

    __radd__ = __mul__ = __rmul__ = __add__

    def __sub__(self, other: Any) -> Any:
        return -other

    def __rsub__(self, other: Any) -> Any:
        return other

    def __truediv__(self, other: Any) -> Any:
        return 1 / other

    __floordiv__ = __truediv__

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __repr__(self) -> str:
        return "NoneItem()"


class AvgItem:
    """The newest of some numbers, and the mean of all.

    Tensors stay on their device, unread, until somebody asks; then all that wait are read at once.

    Args:
        weight: What each number weighs.
    """

    def __init__(self, weight: float = 1) -> None:
        self.weight = weight
        self._item: Any = 0
        self._total = 0.0
        self._count = 0.0
        self._pending: list[Any] = []

    def update(self, value: Any) -> "AvgItem":
        """Take in one number, or one tensor of one element."""
        self._item = value.detach().clone() if isinstance(value, Tensor) else value
        self._pending.append(self._item)
        return self

    def __add__(self, value: Any) -> "AvgItem":
        return self.update(value)

    @property
    def item(self) -> Any:
        """The newest number; 0 before any."""
        return self._item

    @property
    def total(self) -> float:
        """The weighted sum of all numbers."""
        self._fold()
        return self._total

    @property
    def count(self) -> float:
        """The weight of all numbers together."""
        self._fold()
        return self._count

    @property
    def avg(self) -> float:
        """The mean of all numbers; 0 before any."""
        return self.total / self.count if self.count else 0.0

    def state_dict(self) -> dict[str, float]:
        """Return newest number, sum and weight as floats."""
        return {"item": _as_float(self._item), "total": self.total, "count": self.count, "weight": self.weight}

    @classmethod
    def from_state(cls, state: Mapping[str, float]) -> "AvgItem":
        """Return the item that `state_dict()` described."""
        item = cls(state["weight"])
        item._item, item._total, item._count = state["item"], state["total"], state["count"]
        return item

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_item"], name)

    def __getitem__(self, key: Any) -> Any:
        return self._item[key]

    def __float__(self) -> float:
        return _as_float(self._item)

    def __format__(self, spec: str) -> str:
        return f"{format(float(self), spec)}({format(self.avg, spec)})"

    def __repr__(self) -> str:
        value = self._item if not isinstance(self._item, Tensor) else float(self)
        return f"{value}" if value == self.avg else f"{value}({self.avg})"

    def _fold(self) -> None:
        if self._pending:
            numbers = read_back(self._pending)
            self._pending = []
            self._total += self.weight * sum(numbers)
            self._count += self.weight * len(numbers)


def _as_float(value: Any) -> float:
    return read_back([value])[0]
