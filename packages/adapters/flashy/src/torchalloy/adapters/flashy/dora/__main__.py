"""`python -m torchalloy.adapters.flashy.dora [-P PACKAGE] run [overrides]`: dora's command line."""

import argparse
import importlib
import os
import shutil
import sys
from pathlib import Path

from torchalloy.adapters.flashy.dora.main import DecoratedMain
from torchalloy.adapters.flashy.dora.xp import XP
from torchalloy.core import AlloyError, ConfigError


def main(argv: list[str] | None = None) -> int:
    """Run what the command line says; return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        _run(arguments)
    except AlloyError as error:
        print(f"dora: error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dora", description="Run experiments, named by what they change.")
    environment = os.environ
    parser.add_argument("-P", "--package", default=environment.get("DORA_PACKAGE"), help="package of the main module")
    parser.add_argument("--main_module", default=environment.get("DORA_MAIN_MODULE", "train"), help="default: train")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run an experiment, going on where it was")
    run.add_argument("-f", "--from_sig", help="begin with the overrides of this experiment")
    run.add_argument("--clear", action="store_true", help="remove the experiment's folder first")
    run.add_argument("overrides", nargs="*", help="KEY=VALUE; options of a parser behind --")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    main = _find_main(arguments.package or _only_package(arguments.main_module), arguments.main_module)
    overrides = list(arguments.overrides)
    if arguments.from_sig:
        overrides = [*main.get_argv_from_sig(arguments.from_sig), *overrides]
    main.run(overrides, _clear if arguments.clear else None)


def _clear(xp: XP) -> None:
    if xp.folder.exists():
        shutil.rmtree(xp.folder)


def _find_main(package: str, module: str) -> DecoratedMain:
    sys.path.insert(0, str(Path.cwd()))
    name = f"{package}.{module}"
    try:
        main = getattr(importlib.import_module(name), "main", None)
    except ModuleNotFoundError as error:
        if error.name not in (package, name):
            raise
        raise ConfigError(f"there is no module {name} in {Path.cwd()}; name the package by -P") from error
    if not isinstance(main, DecoratedMain):
        raise ConfigError(f"{name} has no `main` under @hydra_main or @argparse_main")
    return main


def _only_package(module: str) -> str:
    beside = Path.cwd().glob(f"*/{module}.py")
    found = sorted(path.parent.name for path in beside if (path.parent / "__init__.py").exists())
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise ConfigError(f"{len(found)} packages here have a {module}.py ({names}); name one by -P")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
