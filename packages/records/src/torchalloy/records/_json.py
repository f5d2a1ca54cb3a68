"""JSON that every reader takes: NaN and the infinities, which JSON has no words for, are spelled as strings."""

import json
import math
from typing import Any

__all__ = ["read_number", "to_line", "to_page"]

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False).encode


def to_line(document: Any) -> bytes:
    """Return `document` as one line of JSON with its line feed.

    >>> to_line({"loss": float("nan")})
    b'{"loss":"NaN"}\\n'
    """
    try:
        text = _encode(document)
    except ValueError:  # rare enough to try without looking first
        text = _encode(_spelled(document))
    return f"{text}\n".encode()


def to_page(document: Any) -> bytes:
    """Return `document` as JSON for people, indented."""
    text = json.dumps(_spelled(document), allow_nan=False, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"  # a lone surrogate becomes its escape, which is JSON too


def read_number(value: Any) -> float:
    """Return the number that `to_line` wrote as `value`.

    Raises: ValueError: it isn't one.
    """
    if isinstance(value, (int, float)):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise ValueError(f"{value!r} is no number")


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(item) for item in value]
    return value
