"""How long `alloy` takes to say something, and our torch-free packages to be imported, beside Python doing nothing.

python benchmarks/start.py
"""

import os
import sys
import sysconfig
from pathlib import Path

from _processes import conditions, measured, ratios, spread

ROUNDS = 21
ALLOY = str(Path(sysconfig.get_path("scripts")) / "alloy")
NOTHING = "python -c pass"
COMMANDS = {
    NOTHING: [sys.executable, "-c", "pass"],
    "alloy --version": [ALLOY, "--version"],
    "alloy --help": [ALLOY, "--help"],
    "alloy train --help": [ALLOY, "train", "--help"],
    "import argparse": [sys.executable, "-c", "import argparse"],
    **{
        f"import torchalloy.{name}": [sys.executable, "-c", f"import torchalloy.{name}"]
        for name in ("core", "registry", "engine", "config", "records", "cli", "runtime")
    },
}
TARGETS = {"alloy --version": "4; try 2.5", "alloy --help": "4; try 2.5"}


def main() -> None:
    """Print the conditions and one line a command."""
    began = os.getloadavg()[0]
    found = measured(COMMANDS, ROUNDS)
    print(f"{conditions(ROUNDS, began)}\n")
    print(f"| command | ms, median | quartiles | x `{NOTHING}`, median | quartiles | the same in CPU time | target |")
    print("|---|---|---|---|---|---|---|")
    for name, took in found.items():
        times = " | ".join(spread(took.wall_ms, 1))
        wall = " | ".join(spread(ratios(took.wall_ms, found[NOTHING].wall_ms), 2))
        cpu, _ = spread(ratios(took.cpu_ms, found[NOTHING].cpu_ms), 2)
        print(f"| `{name}` | {times} | {wall} | {cpu} | {TARGETS.get(name, '')} |")


if __name__ == "__main__":
    main()
