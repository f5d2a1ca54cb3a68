"""`alloy eval`."""

import sys

from torchalloy.cli._api import Api, installed
from torchalloy.cli._arguments import Parser, add_common
from torchalloy.cli._output import stdout_kept
from torchalloy.cli._summary import headline, json_line

__all__ = ["command"]


def command(arguments: list[str], api: Api | None = None) -> int:
    """Score a run; `api` is the installed runtime if None."""
    given = _parser().read(arguments)
    api = api or installed("evaluate")
    with stdout_kept(given.json):
        metrics = api.evaluate(given.run, runs=given.runs, stream=sys.stderr if given.json else sys.stdout)
    print(json_line({"run": given.run, "metrics": metrics}) if given.json else headline(metrics))
    return 0


def _parser() -> Parser:
    parser = Parser(
        "eval",
        "Score a run's newest checkpoint on every stage that isn't training. The run stays as it is.",
        ["alloy eval @last", "alloy eval first --json"],
    )
    parser.add_argument("run", metavar="RUN", help="a folder, a name, the beginning of a name, or @last")
    add_common(parser, json="the metrics")
    return parser
