"""The digits that scikit-learn carries: 1,797 real scans, read without importing it."""

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from torchalloy.core import ConfigError, MissingExtra
from torchalloy.data._tensors import TensorData

__all__ = ["Digits", "digits", "stratified_test"]

_FILE = "digits.csv.gz"
_SHAPE = (1797, 65)
_NUM_TEST = 360


class Digits(NamedTuple):
    """The two halves of the split. Each is (images, labels): (N, 64) float32 in [0, 1] and (N,) int64 in [0, 9]."""

    train: TensorData
    test: TensorData


def digits(folder: str | Path | None = None) -> Digits:
    """Read the digits: 8x8 scans of handwriting as rows of 64, always split into the same 1,437 and 360.

    The split is stratified: of the 360 test samples each class gets its share of the whole, rounded by largest
    remainder; which samples of a class is decided by the SHA-256 of their place in the file ("0", "1", ...), the lowest
    first. Both halves keep the order of the file.

    Args:
        folder: Where `digits.csv.gz` is; by default in the installed scikit-learn.

    Raises: MissingExtra: no folder is given and scikit-learn isn't installed. ConfigError: no such file in `folder`, or
        one of another shape.
    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    table = _read(_installed() if folder is None else Path(folder) / _FILE)
    images = torch.from_numpy(table[:, :64].astype(np.float32) / 16)
    labels = torch.from_numpy(table[:, 64].astype(np.int64))
    in_test = torch.zeros(len(labels), dtype=torch.bool)
    in_test[stratified_test(labels.tolist(), _NUM_TEST)] = True
    return Digits(TensorData(images[~in_test], labels[~in_test]), TensorData(images[in_test], labels[in_test]))


def stratified_test(labels: list[int], num_test: int) -> list[int]:
    """Return the places of `num_test` samples that hold each class in its share; see `digits` for the rule."""
    by_class: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        by_class.setdefault(label, []).append(place)
    shares = {label: len(places) * num_test / len(labels) for label, places in by_class.items()}
    counts = {label: int(wanted) for label, wanted in shares.items()}
    by_remainder = sorted(shares, key=lambda label: (counts[label] - shares[label], label))
    for label in by_remainder[: num_test - sum(counts.values())]:
        counts[label] += 1
    return sorted(place for label, places in by_class.items() for place in sorted(places, key=_rank)[: counts[label]])


def _rank(place: int) -> bytes:
    return hashlib.sha256(str(place).encode()).digest()


def _installed() -> Path:
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise MissingExtra("the digits come with scikit-learn, which isn't here: pip install 'torchalloy-data[digits]'")
    return Path(spec.origin).parent / "datasets" / "data" / _FILE


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise ConfigError(f"digits: no file {path}; give the folder that holds {_FILE}, or none for scikit-learn's")
    with gzip.open(path, "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    if table.shape != _SHAPE:
        raise ConfigError(f"digits: {path} is a table of {table.shape}; expected {_SHAPE}")
    return table
