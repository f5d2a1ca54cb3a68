"""Whether the process that wrote a run still lives, even where its number has been given to another one since."""

import os
import platform
from pathlib import Path

__all__ = ["birth_of", "host_name", "is_alive"]


def host_name() -> str:
    """Return this machine's name."""
    return platform.node()


def birth_of(pid: int) -> str | None:
    """Return what tells process `pid` from every other that ever had its number, or None.

    None means: no such process, a dead one that nobody has waited for, or a system without `/proc`.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"  # fields[19]: start, in clock ticks after boot


def is_alive(pid: int, host: str, birth: str | None) -> bool:
    """Whether the process is still there. One on another host, which can't be asked, counts as alive."""
    if host != host_name():
        return True
    if birth is not None:
        return birth_of(pid) == birth
    if os.name == "nt":  # signal 0 would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
