"""`python -m torchalloy.adapters.flashy.dora [-P PACKAGE] run [overrides]`: dora's command line."""

import argparse
import importlib
import os
import shutil
import sys
from pathlib import Path

from torchalloy.adapters.flashy.dora.hydra import HydraMain
from torchalloy.core import AlloyError, ConfigError


def main(argv: list[str] | None = None) -> int:
    """Run what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="dora", description="Run experiments named by what differs from their base config.")
    parser.add_argument("-P", "--package", default=os.environ.get("DORA_PACKAGE"), help="package that holds the training module")
    parser.add_argument("--main_module", default=os.environ.get("DORA_MAIN_MODULE", "train"), help="the module; default: train")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run an experiment, going on where it was")
    run.add_argument("-f", "--from_sig", help="begin with the overrides of this experiment")
    run.add_argument("--clear", action="store_true", help="remove the experiment's folder first")
    run.add_argument("overrides", nargs="*")
    arguments = parser.parse_args(argv)
    try:
        _run(arguments)
    except AlloyError as error:
        print(f"dora: error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(arguments: argparse.Namespace) -> None:
    main = _find_main(arguments.package or _only_package(arguments.main_module), arguments.main_module)
    overrides = list(arguments.overrides)
    if arguments.from_sig:
        overrides = [*main.get_xp_from_sig(arguments.from_sig).argv, *overrides]
    xp = main.get_xp(overrides)
    if arguments.clear and xp.folder.exists():
        shutil.rmtree(xp.folder)
    main.init_xp(xp)
    with xp.enter():
        main.main(xp.cfg)


def _find_main(package: str, module: str) -> HydraMain:
    sys.path.insert(0, str(Path.cwd()))
    main = getattr(importlib.import_module(f"{package}.{module}"), "main", None)
    if not isinstance(main, HydraMain):
        raise ConfigError(f"{package}.{module} has no `main` under @hydra_main")
    return main


def _only_package(module: str) -> str:
    found = sorted(path.parent.name for path in Path.cwd().glob(f"*/{module}.py") if (path.parent / "__init__.py").exists())
    if len(found) != 1:
        raise ConfigError(f"{len(found)} packages here have a {module}.py ({', '.join(found) or 'none'}); name one by -P")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
