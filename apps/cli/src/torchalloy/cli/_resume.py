"""`alloy resume`."""

import sys

from torchalloy.cli._api import Api, installed
from torchalloy.cli._arguments import Parser, add_common, add_launching, add_overrides
from torchalloy.cli._output import stdout_kept
from torchalloy.cli._train import say

__all__ = ["command"]


def command(arguments: list[str], api: Api | None = None) -> int:
    """Resume; `api` is the installed runtime if None."""
    given = _parser().read(arguments)
    api = api or installed("resume")
    with stdout_kept(given.json):
        stream = sys.stderr if given.json else sys.stdout
        result = api.resume(
            given.run,
            given.overrides,
            runs=given.runs,
            launcher=given.launcher,
            num_processes=given.nproc,
            stream=stream,
        )
    return say(result, as_json=given.json)


def _parser() -> Parser:
    parser = Parser(
        "resume",
        "Continue a run from its newest checkpoint, as if it had never stopped. A finished run is left as it is,\n"
        "unless a key=value gives it more to do.",
        ["alloy resume @last", "alloy resume 20260131-2359 --json", "alloy resume runs/first epochs=20"],
    )
    parser.add_argument("run", metavar="RUN", help="a folder, a name, the beginning of a name, or @last")
    add_overrides(parser)
    add_launching(parser)
    add_common(parser)
    return parser
