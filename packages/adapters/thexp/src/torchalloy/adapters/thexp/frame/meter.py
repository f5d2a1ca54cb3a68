"""What a step measured: values by name, kept as they are, formatted only when printed."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from torchalloy.adapters.thexp.base_classes.trickitems import AvgItem, NoneItem

__all__ = ["AvgMeter", "Meter"]

Format = tuple[str, int]  # kind, digits


class Meter:
    """Values by name, in the order they were set.

    `meter.loss` is the very object that was assigned. `meter.loss_` is the string "loss", for the methods that take a
    name. A name that isn't there reads as `NoneItem`, so that `meter.hits += 3` works at once.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._formats: dict[str, Format] = {}
        self._format_types: dict[type, Callable[[Any], Any]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __getattr__(self, name: str) -> Any:
        return self._read(name)

    def __setitem__(self, name: Any, value: Any) -> None:
        name = str(name)
        assert not name.endswith("_"), f"{name!r}: a name that ends in _ stands for the name itself, and can't be set"
        convert = self._format_types.get(type(value))
        self._set(name, value if convert is None else convert(value))

    def __getitem__(self, name: Any) -> Any:
        return self._read(str(name))

    def __delattr__(self, name: str) -> None:
        del self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "  ".join(f"@{name}={value}" for name, value in self.serialize().items())

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values as they were set."""
        return list(self._values.items())

    def array_items(self) -> list[tuple[str, Any]]:
        """Return those values that are numbers, tensors or arrays."""
        return [
            (name, value)
            for name, value in self.items()
            if isinstance(value, int | float | Tensor | np.ndarray | AvgItem)
        ]

    def numeral_items(self) -> list[tuple[str, builtins.float]]:
        """Return those values that are one number, as Python numbers."""
        found = ((name, _as_number(value)) for name, value in self.items())
        return [(name, number) for name, number in found if number is not None]

    def serialize(self) -> dict[str, Any]:
        """Return each value as it is printed; one without a format as it is."""
        return {name: self._text(name, value) for name, value in self._values.items()}

    def update(self, other: Meter | Mapping[str, Any] | None) -> Meter:
        """Take over the values of `other`, and its formats; return this meter."""
        if isinstance(other, Meter):
            self._formats.update(other._formats)
        for name, value in other.items() if other is not None else ():
            self[name] = value
        return self

    def int(self, key: str) -> None:
        """Print `key` without decimals."""
        self._formats[key] = ("int", 0)

    def float(self, key: str, acc: builtins.int = 4) -> None:
        """Print `key` with `acc` decimals."""
        self._formats[key] = ("float", acc)

    def percent(self, key: str, acc: builtins.int = 2) -> None:
        """Print `key` as a percentage with `acc` decimals."""
        self._formats[key] = ("percent", acc)

    def tensorfloat(self, key: str, acc: builtins.int = 4) -> None:
        """Print `key`, a tensor of one element, with `acc` decimals."""
        self._formats[key] = ("tensorfloat", acc)

    def str_in_line(self, key: str) -> None:
        """Print only the first line of `key`."""
        self._formats[key] = ("str_in_line", 0)

    def add_format_type(self, kind: type, convert: Callable[[Any], Any]) -> None:
        """Pass values of exactly the type `kind` through `convert` when they are set; not int, float, bool or str."""
        if kind not in (int, float, bool, str):
            self._format_types[kind] = convert

    def _set(self, name: str, value: Any) -> None:
        self._values[name] = value
        if name not in self._formats and (kind := _natural_format(value)) is not None:
            self._formats[name] = kind

    def _read(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # a protocol that Python or a library asks for, not a name of a user's
        if name.endswith("_"):
            return name.rstrip("_")
        return self._values[name] if name in self._values else NoneItem()

    def _text(self, name: str, value: Any) -> Any:
        return _formatted(value, self._formats[name]) if name in self._formats else value


class AvgMeter(Meter):
    """A meter that adds up: numbers that vary (floats, tensors of one element) print as `newest(mean)`.

    Ints, strings and everything else keep the newest value only. Tensors are detached and stay on their device, unread,
    until they are printed or asked for.
    """

    def average(self, key: str) -> None:
        """Add up `key` even where its values are ints."""
        self._values.setdefault(key, AvgItem())

    def numeral_items(self) -> list[tuple[str, builtins.float]]:
        """Return the mean of each averaged value, and other values that are one number."""
        return [
            (name, value.avg if isinstance(value, AvgItem) else number)
            for name, number in super().numeral_items()
            for value in (self._values[name],)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return sums and plain values; what isn't plain data is left out, as the next step replaces it."""
        sums = {name: value.state_dict() for name, value in self._values.items() if isinstance(value, AvgItem)}
        plain = {name: value for name, value in self._values.items() if isinstance(value, bool | int | float | str)}
        return {
            "order": list(self._values),
            "sums": sums,
            "plain": plain,
            "formats": {k: list(v) for k, v in self._formats.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned."""
        kept = {**{name: AvgItem.from_state(sums) for name, sums in state["sums"].items()}, **state["plain"]}
        self._values = {name: kept[name] for name in state["order"] if name in kept}
        self._formats = {name: (kind, digits) for name, (kind, digits) in state["formats"].items()}

    def _set(self, name: str, value: Any) -> None:
        present = self._values.get(name)
        if isinstance(value, AvgItem):
            super()._set(name, value)
        elif _varies(value) or (isinstance(present, AvgItem) and isinstance(value, int | float)):
            item = present if isinstance(present, AvgItem) else AvgItem()
            super()._set(name, item.update(value))
            self._formats.setdefault(name, _natural_format(value) or ("float", 4))
        else:
            super()._set(name, value.detach().cpu().numpy() if isinstance(value, Tensor) else value)


def _varies(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, Tensor) and value.numel() == 1)


def _natural_format(value: Any) -> Format | None:
    if isinstance(value, int):
        return ("int", 0)
    if isinstance(value, float):
        return ("float", 4)
    if isinstance(value, Tensor):
        return ("tensorfloat", 4) if sum(value.shape) <= 1 and value.numel() == 1 else ("str_in_line", 0)
    return None


def _formatted(value: Any, how: Format) -> str:
    if isinstance(value, AvgItem):
        newest = value.item
        if isinstance(newest, int) and how[0] == "int":
            return _formatted(newest, how)
        return f"{_formatted(newest, how)}({_formatted(value.avg, how)})"
    kind, digits = how
    if kind == "str_in_line":
        first, newline, _ = str(value).partition("\n")
        return f"{first}..." if newline else first
    number = _as_number(value)
    if number is None:
        return str(value)
    return f"{number:.{digits}%}" if kind == "percent" else f"{number:.{digits}f}"


def _as_number(value: Any) -> Any:
    if isinstance(value, Tensor | np.ndarray | np.generic):
        size = value.numel() if isinstance(value, Tensor) else value.size
        return value.item() if size == 1 else None
    if isinstance(value, AvgItem):
        return _as_number(value.item)
    return value if isinstance(value, int | float) else None
