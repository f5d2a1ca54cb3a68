"""Several runs, each in a process of its own: one result for each, whatever becomes of its process."""

import os
import pickle
import signal
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from torchalloy.adapters.alchemy._document import plain, prepare_cfg
from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy._result import ChildFailure, FailedRun, RunResult
from torchalloy.adapters.alchemy.util.device import alloc1
from torchalloy.adapters.alchemy.util.sym import sym_tbl

__all__ = ["run_in_processes"]


@dataclass
class _Job:
    """A run in another process: what it said so far."""

    index: int
    process: Any
    pipe: Connection
    slot: int
    record_dir: Path | None = None
    result: RunResult | None = None


def run_in_processes(
    cfgs: Sequence[Any], device: Sequence[int] | None, keywords: Mapping[str, Any], per_device: int
) -> list[RunResult]:
    """Run each config in a process of its own, as many at a time as the devices take; return results in their order.

    Raises: BadArgument (a ValueError): `per_device` < 1.
    """
    if per_device < 1:
        raise BadArgument(f"task_per_device is {per_device}; it should be at least 1")
    slots = _slots(device, per_device)
    free, running = list(range(len(slots))), list[_Job]()
    results: list[RunResult | None] = [None] * len(cfgs)
    waiting = list(enumerate(cfgs))
    try:
        while waiting or running:
            while waiting and free:
                index, cfg = waiting.pop(0)
                running.append(_start(index, cfg, free[0], slots[free.pop(0)], keywords))
            for job in _next_ended(running):
                running.remove(job)
                free.append(job.slot)
                results[job.index] = _result(job, cfgs[job.index])
    finally:
        for job in running:
            job.process.terminate()
    return [result for result in results if result is not None]


def _slots(device: Sequence[int] | None, per_device: int) -> list[list[int]]:
    """Return the allowed devices of each run that may be under way at once; the CPU takes as many as it has cores."""
    ids = list(device or ())
    if ids == [-1] or not torch.cuda.is_available():
        return [ids] * max(1, os.cpu_count() or 1)
    return [[index] for index in (ids or range(torch.cuda.device_count())) for _ in range(per_device)]


def _start(index: int, cfg: Any, slot: int, device: list[int], keywords: Mapping[str, Any]) -> _Job:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run_one, args=(theirs, str(Path.cwd()), plain(cfg), device, dict(keywords)))
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Job(index, process, ours, slot)


def _next_ended(running: Sequence[_Job]) -> list[_Job]:
    """Wait until something is said, listen, and return the jobs that have ended."""
    ready = wait([job.pipe for job in running])
    return [job for job in running if job.pipe in ready and not _listen(job)]


def _listen(job: _Job) -> bool:
    """Take one message; return False at the end of the pipe."""
    try:
        kind, content = job.pipe.recv()
    except EOFError:
        job.process.join()
        return False
    except Exception as error:  # what was sent can't be unpickled here
        kind, content = "failed", (None, f"{type(error).__name__}: {error}", None)
    if kind == "record":
        job.record_dir = content
    elif kind == "done":
        job.record_dir, ret = content
        job.result = RunResult(job.record_dir, {}, ret)
    else:
        exception, text, trace = content
        job.result = FailedRun(job.record_dir, {}, None, exception or ChildFailure(text), trace)
    return True


def _result(job: _Job, cfg: Any) -> RunResult:
    code = job.process.exitcode
    if job.result is None:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        job.result = FailedRun(job.record_dir, {}, None, ChildFailure(f"the run's process {how} without a result"))
    job.result.record_dir, job.result.cfg = job.record_dir, cfg
    return job.result


def _run_one(pipe: Connection, home: str, cfg: Mapping[str, Any], device: list[int], keywords: dict[str, Any]) -> None:
    from torchalloy.adapters.alchemy._running import make_importable, run_task  # it starts this module's processes

    os.chdir(home)
    try:
        make_importable(keywords["user_dir"])
        result = run_task(prepare_cfg(dict(cfg)), alloc1(device), **keywords)
        pipe.send(("done", (result.record_dir, _sendable(result.ret))))
    except BaseException as error:
        pipe.send(("record", sym_tbl().record_dir))
        pipe.send(("failed", (_sendable(error), f"{type(error).__name__}: {error}", traceback.format_exc())))
    finally:
        pipe.close()


def _sendable(value: Any) -> Any:
    """Return `value` if another process can have it, else None."""
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301  # what this very process has just written
    except Exception:
        return None
    return value
