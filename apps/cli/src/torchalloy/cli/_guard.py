"""What a person sees of an exception: a message for a mistake, their own lines for their own code."""

import os
import sys
import traceback
from collections.abc import Callable

from torchalloy.core import AlloyError

__all__ = ["guarded", "own_traceback"]


def guarded(command: Callable[[], int], *, debug: bool) -> int:
    """Call `command`; return its status, or what its exception means: 1 user's code, 2 a mistake, 130 interrupted."""
    try:
        return command()
    except AlloyError as error:
        if debug:
            traceback.print_exc()
        print(f"alloy: error: {error}", file=sys.stderr)
        return 2
    except SystemExit as leaving:
        return _status(leaving)
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        print("alloy: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        print(_whole(error) if debug else own_traceback(error), file=sys.stderr, end="")
        return 1


def own_traceback(error: BaseException) -> str:
    """Return the traceback of `error` without the frames between the command line and the user's code.

    Our frames below the user's stay: they show what the user's last line called. An exception that never went through
    foreign code is ours to explain and is shown whole.
    """
    shown = traceback.TracebackException.from_exception(error)
    if all(_is_ours(frame.filename) for frame in shown.stack):
        return _whole(error) + "alloy: this went wrong inside torchalloy and not in your code; please report it\n"
    for one in _linked(shown):
        one.stack = traceback.StackSummary.from_list(_without_ours(list(one.stack)))
    return (
        "".join(shown.format()) + "alloy: raised in your code (torchalloy's own frames left out; --debug shows them)\n"
    )


def _status(leaving: SystemExit) -> int:
    """Return what Python would end with: `--help` of a command, or user code, wants to leave."""
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    print(leaving.code, file=sys.stderr)
    return 1


def _whole(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _linked(shown: traceback.TracebackException) -> list[traceback.TracebackException]:
    """Return `shown` and all it was caused by."""
    found, waiting = [], [shown]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += [before for before in (one.__cause__, one.__context__) if before is not None]
    return found


def _without_ours(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    last_foreign = max((at for at, frame in enumerate(frames) if not _is_ours(frame.filename)), default=-1)
    return [frame for at, frame in enumerate(frames) if at > last_foreign or not _is_ours(frame.filename)]


def _is_ours(filename: str) -> bool:
    """Return whether a file is in a folder of the namespace `torchalloy`, or is Python's import system."""
    ours = (os.path.join(folder, "") for folder in sys.modules["torchalloy"].__path__)
    return filename.startswith(("<frozen importlib", *ours))


def _reader_gone() -> int:
    """End quietly when the reader of our output, such as `head`, has left; nothing may be written at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 141  # what a shell reports for a process that ended so: 128 + SIGPIPE
