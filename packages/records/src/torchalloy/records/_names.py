"""Names for runs: made up ones that sort by time and can be said aloud, and what a given one may look like."""

import os
import time

from torchalloy.core import RunError

__all__ = ["check_name", "make_up_name"]

_HOW = "amber bold brave brisk calm clear crisp early fair fine fresh glad grand keen kind light lucky mild neat swift"
_WHAT = "alder ash aspen badger beech birch cedar crane elm falcon fern finch fox hare hawk heron ibex lynx otter owl"


def make_up_name() -> str:
    """Return a name such as `20260131-235959-calm-otter` (UTC). Draws from no generator that training seeds."""
    chance, when = os.urandom(2), time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    hows, whats = _HOW.split(), _WHAT.split()
    return f"{when}-{hows[chance[0] % len(hows)]}-{whats[chance[1] % len(whats)]}"


def check_name(name: str) -> None:
    """Refuse what can't be the name of a folder that people type.

    Raises: RunError: saying what is wrong with it.
    """
    if not name.strip():
        raise RunError("run name: it is empty; leave --name out to have one made up")
    if name.startswith((".", "@", "-")):
        raise RunError(f"run name {name!r}: it may not start with '.', '@' or '-'; try {name.lstrip('.@-')!r}")
    if any(character in name for character in "/\\\0\n\r"):
        raise RunError(f"run name {name!r}: it may hold no slash, NUL or line break; --runs says where runs are kept")
