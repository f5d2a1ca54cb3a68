"""From the command line to the command, importing no more than that command needs."""

import sys

from torchalloy.cli._table import COMMANDS

__all__ = ["dispatch"]


def dispatch(arguments: list[str]) -> int:
    """Run what `arguments` ask for and return the exit status."""
    if not arguments or arguments[0] in ("--help", "-h") or arguments == ["help"]:
        return _show_help()
    name, *rest = arguments
    if name == "help":
        name, rest = rest[0], ["--help"]
    if name.startswith("-"):
        return _complain(f"{name!r} comes before a command; write: alloy COMMAND [...] {name}")
    for _, known, _, target in COMMANDS:
        if known == name:
            return _call(name, target, rest)
    return _call_stranger(name, rest)


def _show_help() -> int:
    from torchalloy.cli._help import overview
    from torchalloy.cli._strangers import have_plugins, offered

    others, trouble = [], ""
    if have_plugins():
        from torchalloy.core import AlloyError

        try:
            others = [(name, help_, source) for name, (help_, _, source) in offered().items()]
        except AlloyError as error:
            trouble = str(error)
    print(overview(others, trouble), end="")
    return 0


def _call_stranger(name: str, rest: list[str]) -> int:
    from torchalloy.cli._guard import guarded

    return guarded(lambda: _find_and_call(name, rest), debug="--debug" in rest)


def _find_and_call(name: str, rest: list[str]) -> int:
    from torchalloy.cli._strangers import have_plugins, offered
    from torchalloy.core import UnknownName, did_you_mean

    others = offered() if have_plugins() else {}
    if name not in others:
        known = [known for _, known, _, _ in COMMANDS] + list(others)
        raise UnknownName(f"no command {name!r}; {did_you_mean(name, known)}. `alloy --help` says what they do")
    return _call(name, others[name][1], rest)


def _call(name: str, target: str, rest: list[str]) -> int:
    from torchalloy.cli._guard import guarded

    def run() -> int:
        from torchalloy.registry import import_path

        status = import_path(target)(rest)
        return 0 if status is None else int(status)

    return guarded(run, debug="--debug" in rest)


def _complain(message: str) -> int:
    print(f"alloy: error: {message}", file=sys.stderr)
    return 2
