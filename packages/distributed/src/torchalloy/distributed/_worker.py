"""The program that each started process runs: the module asked for, with a note of how it failed.

    python -m torchalloy.distributed._worker NOTES MODULE [ARGUMENT ...]

A failure is noted in the folder NOTES as `rank-N.json` (time, status, text), so that whoever started the processes
can tell the first failure from those that follow from it. The text isn't printed here: the terminal shows the first
one only.
"""

import ctypes
import json
import os
import runpy
import signal
import sys
import time
import traceback
from pathlib import Path

from torchalloy.distributed._launchers import status_of

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run the module; return its exit status."""
    notes, *command = arguments
    _die_with_parent()
    sys.argv = command
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        status = status_of(left)
        if status:
            _note(notes, status, None)
        return status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException as error:
        _note(notes, 1, _text(error))
        return 1
    return 0


def _note(notes: str, status: int, text: str | None) -> None:
    path = Path(notes) / f"rank-{os.environ.get('RANK', '0')}.json"
    path.write_text(json.dumps({"time": time.time(), "status": status, "text": text}))


def _text(error: BaseException) -> str:
    """Return the traceback from the module's own first frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _is_ours(filename: str) -> bool:
    return filename == __file__ or "runpy" in filename


def _die_with_parent() -> None:
    # A launcher that is killed outright can't end its processes; Linux does it then.
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
