"""Which metrics a log line shows, and how."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["Formatter"]


class Formatter:
    """Turns metrics into text. Only log lines are concerned: loggers and the history get every metric.

    Args:
        formats: Format specs by shell pattern; the first pattern that fits a name gives its spec.
        default_format: For names without one.
        exclude_keys: Patterns of names not shown, unless they are included.
        include_keys: Patterns of names shown; where nothing is excluded, only those.
        include_formatted: Whether a name with a spec of its own counts as included.
    """

    def __init__(
        self,
        formats: Mapping[str, str] = {},  # copied below
        default_format: str = ".3f",
        exclude_keys: Sequence[str] = (),
        include_keys: Sequence[str] = (),
        include_formatted: bool = True,
    ) -> None:
        self.formats = dict(formats)
        self.default_format = default_format
        self.exclude_keys = list(exclude_keys)
        self.include_keys = list(include_keys)
        self.include_formatted = include_formatted

    def __call__(self, metrics: Mapping[str, Any]) -> dict[str, str]:
        """Return the metrics to show, as text, in their order."""
        return {name: self._text(name, value) for name, value in self.get_relevant_metrics(metrics).items()}

    def get_relevant_metrics(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Return the metrics to show."""
        if self.exclude_keys:
            return {k: v for k, v in metrics.items() if self._is_included(k) or not _fits(k, self.exclude_keys)}
        if self.include_keys:
            return {k: v for k, v in metrics.items() if self._is_included(k)}
        return dict(metrics)

    def _is_included(self, name: str) -> bool:
        return _fits(name, self.include_keys) or (self.include_formatted and _fits(name, list(self.formats)))

    def _text(self, name: str, value: Any) -> str:
        if value is None or isinstance(value, str):
            return str(value)
        spec = next((spec for pattern, spec in self.formats.items() if fnmatchcase(name, pattern)), self.default_format)
        return format(value, spec)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
