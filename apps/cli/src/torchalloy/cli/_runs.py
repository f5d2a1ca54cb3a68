"""`alloy runs`."""

from dataclasses import asdict

from torchalloy.cli._arguments import Parser, add_common
from torchalloy.cli._output import print_table
from torchalloy.cli._summary import headline, json_line
from torchalloy.records import RunInfo, catalogue

__all__ = ["command"]

_COLUMNS = ("run", "status", "style", "created", "epochs", "steps", "seconds", "metrics")


def command(arguments: list[str]) -> int:
    """List the runs."""
    given = _parser().read(arguments)
    runs = catalogue(given.runs)
    if given.json:
        print(json_line([asdict(run) for run in runs]))
    elif runs:
        print_table(_COLUMNS, [_row(run) for run in runs])
    else:
        print(f"no runs in {given.runs} yet")
    return 0


def _row(run: RunInfo) -> list[str]:
    created = run.created.partition(".")[0].replace("T", " ")
    seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
    said = ": ".join(text for text in (headline(run.metrics), run.why) if text)
    return [run.name, run.status, run.style, created, _count(run.epochs), _count(run.iterations), seconds, said]


def _count(number: int | None) -> str:
    return "" if number is None else str(number)


def _parser() -> Parser:
    parser = Parser(
        "runs",
        "List the runs of a folder, oldest first, with their status and what they scored. Times are in UTC.",
        ["alloy runs", "alloy runs --runs /data/runs --json"],
    )
    add_common(parser, json="the list")
    return parser
