"""`alloy plugins`."""

from torchalloy.cli._api import Api, installed
from torchalloy.cli._arguments import Parser, add_common
from torchalloy.cli._output import print_table
from torchalloy.cli._summary import json_line

__all__ = ["command"]


def command(arguments: list[str], api: Api | None = None) -> int:
    """List what is offered; `api` is the installed runtime if None."""
    given = _parser().read(arguments)
    offers: dict[str, dict[str, str]] = (api or installed("catalog")).catalog().offers()
    if given.json:
        print(json_line(offers))
    else:
        rows = [
            (hook.removeprefix("alloy_").replace("_", " "), name, source)
            for hook, names in sorted(offers.items())
            for name, source in sorted(names.items())
        ]
        print_table(("what", "name", "offered by"), rows)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "plugins",
        "List what the installed packages offer by each hook: styles, components, launchers, sinks...",
        ["alloy plugins", "alloy plugins --json"],
    )
    add_common(parser, runs=False, json="hook -> name -> package")
    return parser
