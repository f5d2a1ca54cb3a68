"""Two processes without torch: one ends as the arguments say, the other waits and fails because of it, or for ever."""

import os
import signal
import sys
import time
from pathlib import Path


def main(how, who, folder):
    rank = int(os.environ["RANK"])
    (Path(folder) / f"pid-{rank}").write_text(str(os.getpid()))
    print(f"process {rank} says something")
    if rank != int(who):
        wait_for_the_other(Path(folder), how)
    while len(list(Path(folder).glob("pid-*"))) < 2:
        time.sleep(0.01)
    (Path(folder) / "gone").touch()
    if how == "raise":
        raise ArithmeticError("the first mistake")
    if how == "exit":
        sys.exit(f"process {rank} gives up politely") if rank else sys.exit(2)
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_the_other(folder, how):
    signal.signal(signal.SIGINT, lambda number, _: leave(folder, number))
    while not (folder / "gone").exists() or how == "exit":
        time.sleep(0.01)
    time.sleep(0.02)
    raise ConnectionError("the other process is gone")


def leave(folder, number):
    (folder / f"signal-{os.environ['RANK']}").write_text(str(int(number)))
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
