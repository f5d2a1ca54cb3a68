"""Say what is wrong with a config, where, and what would work."""

from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath

from torchalloy.config._tree import Path, dotted
from torchalloy.core import ConfigError, Place

__all__ = ["join_problems", "key_problem", "place_in_text", "problem_at", "raise_all", "read_text"]


def problem_at(place: Place, message: str) -> ConfigError:
    """Return an error that starts with its place."""
    return ConfigError(f"{place}: {message}")


def key_problem(place: Place, path: Path, message: str) -> ConfigError:
    """Return an error about the value at `path`: `file:line:column: key 'a.b': message`."""
    return problem_at(place, f"key {dotted(path)!r}: {message}" if path else message)


def join_problems(problems: Sequence[ConfigError]) -> ConfigError:
    """Return one error that reports them all, one a line; a single one is returned as it is.

    Args:
        problems: At least one; what is said twice is reported once.
    """
    assert problems, "there is nothing to report"
    if len(problems) == 1:
        return problems[0]
    return ConfigError("\n".join(dict.fromkeys(str(problem) for problem in problems)))


def raise_all(problems: Iterable[ConfigError]) -> None:
    """Raise all problems as one error; do nothing if there is none."""
    found = list(problems)
    if found:
        raise join_problems(found)


def read_text(path: FilePath) -> str:
    """Return a config file's text.

    Raises: ConfigError: the file can't be read or isn't UTF-8, with the line and column of the first bad byte.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8-sig")
        raise problem_at(
            place_in_text(path, good, len(good)), f"byte 0x{content[error.start]:02x} isn't UTF-8"
        ) from error


def place_in_text(path: FilePath, text: str, offset: int) -> Place:
    """Return the line and column of a character offset."""
    start = text.rfind("\n", 0, offset) + 1
    return Place(str(path), text.count("\n", 0, offset) + 1, offset - start + 1)
