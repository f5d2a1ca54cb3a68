"""Processes under torch's elastic agent, and which one's failure was the first."""

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from torchalloy.core import LaunchError

__all__ = ["supervise"]

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_TAIL_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class _Failure:
    """How one process ended.

    Attributes:
        time: Seconds since 1970, as good as it is known.
        status: Exit status; minus the signal's number where a signal ended it.
        text: Its traceback, or None where it has none to tell.
    """

    rank: int
    time: float
    status: int
    text: str | None


def supervise(command: Sequence[str], num_processes: int, environment: Mapping[str, str]) -> int:
    """Run a module as several processes on this machine and wait for all; `Torchrun.launch` says what comes back."""
    folder = Path(tempfile.mkdtemp(prefix="torchalloy-launch-"))
    try:
        with _environment(num_processes, environment), _quiet_agent(), _signals_restored():
            _run(command, num_processes, folder)
    except ChildFailedError as failed:
        return _tell(_first(failed.failures, folder), num_processes, folder)
    except SignalException as received:
        shutil.rmtree(folder, ignore_errors=True)
        return 128 + int(received.sigval)
    except (OSError, RuntimeError) as error:
        raise LaunchError(f"{num_processes} processes can't be started: {error}") from error
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _run(command: Sequence[str], num_processes: int, folder: Path) -> None:
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_processes,
        run_id=uuid.uuid4().hex,
        role="process",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        monitor_interval=0.1,
        # Process 0 speaks for all; the others can be read in their files.
        logs_specs=DefaultLogsSpecs(str(folder), redirects=dict.fromkeys(range(1, num_processes), Std.ALL)),
        signals_to_handle=",".join(_SIGNALS),
    )
    elastic_launch(config, sys.executable)("-u", "-m", "torchalloy.distributed._worker", str(folder), *command)


def _first(failures: Mapping[int, ProcessFailure], folder: Path) -> _Failure:
    """Return the failure that the others follow from."""
    known = [_failure(rank, failure, folder) for rank, failure in failures.items()]
    # The agent ends the processes that are left with SIGTERM; that is no failure of theirs.
    own = [failure for failure in known if failure.status != -signal.SIGTERM]
    return min(own or known, key=lambda failure: failure.time)


def _failure(rank: int, failure: ProcessFailure, folder: Path) -> _Failure:
    try:
        noted: dict[str, Any] = json.loads((folder / f"rank-{rank}.json").read_bytes())
        return _Failure(rank, noted["time"], noted["status"], noted["text"])
    except (OSError, ValueError, KeyError):
        # Killed before it could leave a note. The agent has seen it within a second; the others failed after it.
        return _Failure(rank, failure.timestamp - 1.0, failure.exitcode, None)


def _tell(first: _Failure, num_processes: int, folder: Path) -> int:
    if first.rank == 0 and first.status > 0 and first.text is None:
        return first.status
    text = first.text or _last_words(first, folder)
    raise LaunchError(
        f"process {first.rank} of {num_processes} failed first ({_how(first.status)}), so all were ended"
        + (f". Its error:\n\n{text.strip()}\n\n" if text else "; it left no message. ")
        + f"What the processes wrote is under {folder}"
    )


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f"killed by {name}" + (": out of memory, or somebody's kill -9" if -status == signal.SIGKILL else "")


def _last_words(first: _Failure, folder: Path) -> str:
    for path in folder.glob(f"*/attempt_*/{first.rank}/stderr.log"):
        return path.read_text(errors="replace")[-_TAIL_CHARACTERS:]
    return ""


@contextlib.contextmanager
def _environment(num_processes: int, extra: Mapping[str, str]) -> Iterator[None]:
    """Set what the processes inherit; cores are shared out, since each would take all of them."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(max(1, num_cores // num_processes))}
    changes = threads | dict(extra)
    before = {name: os.environ.get(name) for name in (*changes, "TORCHELASTIC_SIGNALS_TO_HANDLE")}  # the agent sets it
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _quiet_agent() -> Iterator[None]:
    """Keep the agent's own log out of the terminal: what it knows is in the one message that is raised."""
    loggers = [
        logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if "distributed.elastic" in name
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _signals_restored() -> Iterator[None]:
    """Give the caller's signal handlers back; the agent puts its own in their place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.getsignal(getattr(signal, name)) for name in _SIGNALS if hasattr(signal, name)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler if handler is not None else signal.SIG_DFL)
