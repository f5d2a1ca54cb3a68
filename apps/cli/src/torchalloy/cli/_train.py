"""`alloy train`."""

import sys

from torchalloy.cli._api import Api, Result, installed
from torchalloy.cli._arguments import Once, Parser, add_common, add_launching, add_overrides
from torchalloy.cli._output import stdout_kept
from torchalloy.cli._summary import end_line, exit_status, json_line

__all__ = ["command", "say"]


def command(arguments: list[str], api: Api | None = None) -> int:
    """Train; `api` is the installed runtime if None."""
    given = _parser().read(arguments)
    api = api or installed("train")
    with stdout_kept(given.json):
        result = api.train(
            given.config,
            given.overrides,
            runs=given.runs,
            name=given.name,
            launcher=given.launcher,
            num_processes=given.nproc,
            start_from=given.start_from,
            stream=sys.stderr if given.json else sys.stdout,
        )
    return say(result, as_json=given.json)


def say(result: Result, *, as_json: bool) -> int:
    """Print how a run ended and return the exit status."""
    if result.note:
        print(f"alloy: {result.note}", file=sys.stderr if as_json else sys.stdout)
    print(json_line(result.summary) if as_json else end_line(result.summary))
    return exit_status(result.summary)


def _parser() -> Parser:
    parser = Parser(
        "train",
        "Train what a config file describes, in a new run folder.",
        [
            "alloy train --config configs/digits/process.yaml",
            "alloy train --config configs/digits/solver/config.yaml model=wide seed=3 --name wide-3",
            "alloy train --config configs/digits/process.yaml --launcher torchrun --nproc 2 --json",
            "alloy train --config configs/digits/base_model.py --from @last solver.max_iter=40",
        ],
    )
    parser.add_argument("--config", metavar="FILE", required=True, action=Once, help="config file (.yaml .toml .py)")
    add_overrides(parser)
    parser.add_argument("--name", action=Once, help="name of the run and its folder (default: one is made up)")
    add_launching(parser)
    parser.add_argument(
        "--from", metavar="RUN", dest="start_from", action=Once, help="go on from this run's checkpoint, of any style"
    )
    add_common(parser)
    return parser
