"""The `alloy` command. Importing it imports nothing: each command is imported when it is called."""

import sys

__version__ = "0.1.0"

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name; `sys.argv` if None) and return the exit status.

    Returns: 0 done, 1 the user's own code raised, 2 a mistake that the message on stderr explains, 130 interrupted.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments in (["--version"], ["-V"]):
        print(f"alloy {__version__}")
        return 0
    from torchalloy.cli._dispatch import dispatch

    return dispatch(arguments)
