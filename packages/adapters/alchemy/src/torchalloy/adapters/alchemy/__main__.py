"""`python -m torchalloy.adapters.alchemy run CFG...`: run configs as the original command did."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from torchalloy.adapters.alchemy._result import RunResult
from torchalloy.adapters.alchemy._running import run
from torchalloy.core import AlloyError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the configs; return 0 if all went well, 1 if a run failed, 2 for a mistake in what was given."""
    asked = _parser().parse_args(arguments)
    try:
        results = run(
            asked.cfg,
            device=asked.device,
            user_dir=asked.user_dir,
            desc=asked.desc,
            debug=asked.debug,
            no_file=not asked.file,
            force_mp=asked.force_mp,
            task_per_device=asked.task_per_device,
        )
    except AlloyError as error:
        if asked.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    for path, result in zip(asked.cfg, results, strict=True):
        print(_line(path, result))
    return int(any(result.exception is not None for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m torchalloy.adapters.alchemy", description=__doc__)
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "run", help="run one or more TOML configs"
    )
    command.add_argument("cfg", nargs="+", type=Path, metavar="CFG", help="a TOML file")
    command.add_argument(
        "--device", type=int, action="append", metavar="ID", help="a GPU that may be used; repeat it; -1 is the CPU"
    )
    command.add_argument("--user-dir", default="src", metavar="DIR", help="the folder of your code (src)")
    command.add_argument(
        "--desc", default="", metavar="TEXT", help="what the run is for; goes into the record folder's README.md"
    )
    command.add_argument(
        "--debug", action=argparse.BooleanOptionalAction, default=False, help="debug lines, named losses"
    )
    command.add_argument("--file", action=argparse.BooleanOptionalAction, default=True, help="make a record folder")
    command.add_argument(
        "--force-mp",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="a process of its own for one config too",
    )
    command.add_argument("--task-per-device", type=int, default=1, metavar="N", help="runs at a time on one device (1)")
    return parser


def _line(path: Path, result: RunResult) -> str:
    place = f" ({result.record_dir})" if result.record_dir is not None else ""
    return f"{path}: {'finished' if result.exception is None else f'failed: {result}'}{place}"


if __name__ == "__main__":
    sys.exit(main())
