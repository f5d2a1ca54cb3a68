"""`alloy explain`."""

from typing import Any

from torchalloy.cli._api import Api, installed
from torchalloy.cli._arguments import Once, Parser, add_common, add_overrides
from torchalloy.cli._output import print_table, stdout_kept
from torchalloy.cli._summary import json_line

__all__ = ["command"]


def command(arguments: list[str], api: Api | None = None) -> int:
    """Explain a config; `api` is the installed runtime if None."""
    given = _parser().read(arguments)
    api = api or installed("explain")
    with stdout_kept(given.json):
        found = api.explain(given.config, given.overrides)
    if given.json:
        print(json_line(_document(found)))
    else:
        _print(found)
    return 0


def _document(found: Any) -> dict[str, Any]:
    return {
        "style": found.style,
        "epochs": found.epochs,
        "iterations": found.iterations,
        "owns_its_loop": found.owns_its_loop,
        "stages": found.stages,
        "parts": found.parts,
        "table": [{"moment": row.moment, "handler": row.handler, "rhythm": row.rhythm} for row in found.table],
    }


def _print(found: Any) -> None:
    loop = "its own loop drives the engine" if found.owns_its_loop else "the engine's loop"
    print(f"style {found.style}: {loop}; {_budget(found)}\n")
    if found.stages:
        print_table(("stage", "what for"), list(found.stages.items()))
        print()
    print_table(("part of a checkpoint", "kept by"), list(found.parts.items()))
    print()
    print_table(
        ("moment", "who is called", "how often"), [(row.moment, row.handler, row.rhythm) for row in found.table]
    )


def _budget(found: Any) -> str:
    limits = [f"{count} {unit}" for count, unit in ((found.epochs, "epochs"), (found.iterations, "steps")) if count]
    return f"ends after {' or '.join(limits)}" if limits else "ends when the user's code says so"


def _parser() -> Parser:
    parser = Parser(
        "explain",
        "Compile a config and show what it would run: stages, parts, budget, and who is called at which moment.\n"
        "Nothing is trained.",
        [
            "alloy explain --config configs/digits/process.yaml",
            "alloy explain --config exp.toml optimizer.lr=0.1 --json",
        ],
    )
    parser.add_argument("--config", metavar="FILE", required=True, action=Once, help="config file (.yaml .toml .py)")
    add_overrides(parser)
    add_common(parser, runs=False, json="the tables")
    return parser
