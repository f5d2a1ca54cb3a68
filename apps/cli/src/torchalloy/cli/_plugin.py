"""The built-in commands, handed over like anybody's."""

from collections.abc import Iterable

from torchalloy.cli._table import COMMANDS
from torchalloy.core import Command, hookimpl

__all__ = ["alloy_commands"]


@hookimpl
def alloy_commands() -> Iterable[Command]:
    """Offer `train`, `resume`, `eval`, `runs`, `explain` and `plugins`."""
    return [Command(name, help_, target) for _, name, help_, target in COMMANDS]
