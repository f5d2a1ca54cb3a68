"""Strict parsing: every option is known, given once, and a wrong one is told the nearest."""

import argparse
from collections.abc import Sequence
from typing import Any

from torchalloy.core import AlloyError, did_you_mean

__all__ = ["Parser", "UsageError", "add_common", "add_launching", "add_overrides"]


class UsageError(AlloyError):
    """A command line that can't be read."""


class Parser(argparse.ArgumentParser):
    """A parser of one command, whose errors are exceptions."""

    def __init__(self, name: str, description: str, examples: Sequence[str]) -> None:
        super().__init__(
            prog=f"alloy {name}",
            description=description,
            epilog="\n".join(["Examples:", *(f"  {example}" for example in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def read(self, arguments: list[str]) -> argparse.Namespace:
        """Return what `arguments` say.

        Raises: UsageError: They can't be read; with the nearest option.
        """
        self._refuse_unknown_options(arguments)
        return self.parse_intermixed_args(arguments)

    def error(self, message: str) -> Any:  # argparse says NoReturn, which raising satisfies
        """Raise instead of printing and leaving."""
        raise UsageError(f"{self.prog}: {message}; `{self.prog} --help` shows how")

    def _refuse_unknown_options(self, arguments: list[str]) -> None:
        """Complain of a wrong option before argparse complains of the right one that is missing because of it."""
        known = list(self._option_string_actions)
        for argument in arguments:
            if argument == "--":
                return
            option = argument.partition("=")[0]
            if option.startswith("-") and option != "-" and not _is_number(option) and option not in known:
                names = [name for name in known if name.startswith("--")]
                raise UsageError(f"{self.prog}: no option {option!r}; {did_you_mean(option, names)}")


class Once(argparse.Action):
    """Stores a value, and refuses a second one."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Take the value of `option_string`."""
        given: set[str] = getattr(namespace, "_given", set())
        if self.dest in given:
            parser.error(f"{option_string} is given twice")
        namespace._given = given | {self.dest}
        setattr(namespace, self.dest, values)


def add_common(parser: argparse.ArgumentParser, *, runs: bool = True, json: str = "the summary") -> None:
    """Add the options that every command has."""
    if runs:
        parser.add_argument(
            "--runs", metavar="DIR", default="runs", action=Once, help="folder of all runs (default: runs)"
        )
    parser.add_argument("--json", action="store_true", help=f"print {json} as one line of JSON, all else to stderr")
    parser.add_argument("--debug", action="store_true", help="show the whole traceback of a mistake")


def add_launching(parser: argparse.ArgumentParser) -> None:
    """Add the options that start several processes."""
    parser.add_argument("--launcher", action=Once, help="start processes by this launcher: torchrun, accelerate...")
    parser.add_argument(
        "--nproc", metavar="N", type=at_least_one, default=1, action=Once, help="number of processes (default: 1)"
    )


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the `key=value` arguments."""
    parser.add_argument(
        "overrides", metavar="key=value", nargs="*", type=_override, help="change the config, in Hydra's grammar"
    )


def _override(text: str) -> str:
    if "=" in text or text.startswith("~"):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no key=value (a config file is named by --config)")


def at_least_one(text: str) -> int:
    """Read a count; >= 1."""
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 1")
    return count


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
