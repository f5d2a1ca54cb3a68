"""The same run in several processes: a launcher starts this module, and each process trains as a rank."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torchalloy.core import AlloyError, LaunchError
from torchalloy.records import RunFolder
from torchalloy.runtime._catalog import catalog
from torchalloy.runtime._result import RunResult

__all__ = ["launch"]


def launch(launcher: str, num_processes: int, what: str, folder: Path, **arguments: Any) -> RunResult:
    """Have `launcher` call `train` or `resume` with `arguments` in each of `num_processes` processes.

    Returns: What the run left in `folder`.
    Raises: UnknownName: no such launcher. LaunchError: a process failed; its own message was printed by it.
    """
    status = catalog().launcher(launcher).launch(["torchalloy.runtime", what, json.dumps(arguments)], num_processes)
    if status != 0:
        raise LaunchError(f"launcher {launcher!r}: a process ended with exit status {status}; its message is above")
    record = RunFolder.open(folder)
    return RunResult(record.path, record.summary())


def main(argv: list[str]) -> int:
    """Be one rank: call what `launch` was asked to."""
    from torchalloy.runtime._train import resume, train

    calls: dict[str, Callable[..., RunResult]] = {"train": train, "resume": resume}
    try:
        calls[argv[0]](**json.loads(argv[1]))
    except AlloyError as error:
        print(f"alloy: error: {error}", file=sys.stderr)
        return 2
    return 0
