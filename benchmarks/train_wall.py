"""Wall time of `alloy train` on the digits against a script that imports torch and trains the same by hand.

python benchmarks/train_wall.py

The script is `_hand_loop.py` beside this file: the same scans read from the same file, the same network, Adam, order of
the samples and number of epochs, the test scans scored after each epoch. It writes nothing. What `alloy train` does
besides: it reads the config, loads the plugins, compiles the style, and leaves a record with metrics, TensorBoard
events and a checkpoint of each epoch; the row `save...` leaves those of the epochs out. The last row is the floor.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from _processes import conditions, measured, ratios, spread, succeeds

ROUNDS = 5
HERE = Path(__file__).resolve().parent
ALLOY = str(Path(sysconfig.get_path("scripts")) / "alloy")
HAND, TRAIN, FEWER = "import torch and the hand loop", "alloy train", "alloy train save.every_epochs=30"


def main() -> None:
    """Print the conditions, both accuracies, and one line a command."""
    began = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as runs:
        config = HERE.parent / "configs" / "digits" / "process.yaml"
        train = [ALLOY, "train", "--config", str(config), "--runs", runs]
        commands = {
            HAND: [sys.executable, str(HERE / "_hand_loop.py")],
            TRAIN: train,
            FEWER: [*train, "save.every_epochs=30"],
            "import torch": [sys.executable, "-c", "import torch"],
        }
        said = {name: succeeds(name, commands[name]).strip().splitlines()[-1] for name in (HAND, TRAIN)}
        found = measured(commands, ROUNDS)
    print(f"{conditions(ROUNDS, began)}\n")
    for name, line in said.items():
        print(f"- {name}: {line.split(' | ')[0]}")
    print("\n| process | ms, median | quartiles | x the hand loop's, median | quartiles | in CPU time | target |")
    print("|---|---|---|---|---|---|---|")
    for name, took in found.items():
        times = " | ".join(spread(took.wall_ms, 0))
        wall = " | ".join(spread(ratios(took.wall_ms, found[HAND].wall_ms), 2))
        cpu, _ = spread(ratios(took.cpu_ms, found[HAND].cpu_ms), 2)
        print(f"| {name} | {times} | {wall} | {cpu} | {'1.25' if name == TRAIN else ''} |")


if __name__ == "__main__":
    main()
