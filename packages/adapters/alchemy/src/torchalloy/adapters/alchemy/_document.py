"""Config documents: read, copied, and written so that they can be read again."""

import copy
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from torchalloy.core import ConfigError

__all__ = ["plain", "prepare_cfg", "write_toml"]


def prepare_cfg(cfg: Path | str | MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a config of one's own: a file is read, a mapping is copied with all that is in it.

    Raises: ConfigError: no such file, or broken TOML, with line and column. ValueError: neither path nor mapping.
    """
    if isinstance(cfg, str | Path):
        return _read(Path(cfg))
    if isinstance(cfg, MutableMapping):
        return copy.deepcopy(cfg)
    raise ValueError(f"a config is a path or a mapping, not {type(cfg).__name__}")


def write_toml(path: Path, cfg: Mapping[str, Any]) -> None:
    """Write `cfg` so that reading it gives an equal config.

    A document that was edited may come out broken with its layout kept; it is then written without its comments.

    Raises: ConfigError: `cfg` holds something TOML has no form for, such as None.
    """
    wanted = plain(cfg)
    text = _dump(cfg) if isinstance(cfg, tomlkit.TOMLDocument) else None
    if text is None or _parsed(text) != wanted:
        text = _dump(wanted)
    if text is None or _parsed(text) != wanted:
        why = _unwritable(wanted) or "it reads back differently"
        raise ConfigError(f"{path}: the config can't be kept as TOML: {why}")
    path.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """Return `value` as plain nested dicts and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.unwrap() if hasattr(value, "unwrap") else value


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ParseError as error:
        raise ConfigError(f"{path}:{error.line}:{error.col}: {error}") from error


def _dump(cfg: Mapping[str, Any]) -> str | None:
    try:
        return tomlkit.dumps(cfg)
    except (TOMLKitError, TypeError, ValueError):
        return None


def _parsed(text: str) -> Any:
    try:
        return tomlkit.parse(text).unwrap()
    except TOMLKitError:
        return None


def _unwritable(value: Any, where: str = "") -> str | None:
    if isinstance(value, dict):
        found = (_unwritable(item, f"{where}.{key}" if where else key) for key, item in value.items())
        return next((message for message in found if message), None)
    if isinstance(value, list):
        found = (_unwritable(item, f"{where}[{index}]") for index, item in enumerate(value))
        return next((message for message in found if message), None)
    return f"{where} is None, which TOML lacks; leave the key out" if value is None else None
