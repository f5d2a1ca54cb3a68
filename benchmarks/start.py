"""How long `alloy` takes to say something, and our torch-free packages to be imported, beside Python doing nothing.

python benchmarks/start.py
"""

import os
import sys
import sysconfig
from pathlib import Path

from _processes import conditions, milliseconds, ratios, spread

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
    found = milliseconds(COMMANDS, ROUNDS)
    print(f"{conditions(ROUNDS, began)}\n")
    print(f"| command | ms, median | quartiles | x `{NOTHING}`, median | quartiles | target |\n|---|---|---|---|---|---|")
    for name, times in found.items():
        times_text = " | ".join(spread(times, 1))
        ratio_text = " | ".join(spread(ratios(times, found[NOTHING]), 2))
        print(f"| `{name}` | {times_text} | {ratio_text} | {TARGETS.get(name, '')} |")


if __name__ == "__main__":
    main()
