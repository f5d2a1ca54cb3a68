"""From configs to results: here, or each in a process of its own."""

import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from torchalloy.adapters.alchemy._document import prepare_cfg
from torchalloy.adapters.alchemy._queue import run_in_processes
from torchalloy.adapters.alchemy._result import FailedRun, RunResult
from torchalloy.adapters.alchemy.runner import AlchemyRunner
from torchalloy.adapters.alchemy.util.device import alloc1
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError

__all__ = ["make_importable", "run", "run_task"]


def run(
    cfgs: Sequence[Any],
    device: Sequence[int] | None = None,
    user_dir: str = "src",
    desc: str = "",
    debug: bool = False,
    no_file: bool = False,
    force_mp: bool = False,
    task_per_device: int = 1,
    *,
    catch: bool = False,
) -> list[RunResult]:
    """Run each config and return one result for each, in their order.

    One config runs in this process; the symbol table is reset afterwards. Several run in processes of their own.

    Args:
        cfgs: Configs, or paths of TOML files.
        device: Ids of the GPUs allowed; None allows all, `[-1]` is the CPU.
        user_dir: The folder of the user's code; its parent is put on the import path.
        desc: What the run is for; it goes into the record folder's README.md.
        debug: Log debug lines, name losses that fail.
        no_file: Make no record folder.
        force_mp: Start a process for a single config too.
        task_per_device: Runs at a time on one device; >= 1.
        catch: Return a failed result where the run in this process fails, rather than let the exception through.

    Returns: Results. A failed one is an exception as well, and can be raised.
    """
    make_importable(user_dir)
    own = [prepare_cfg(cfg) for cfg in cfgs]
    keywords = {"user_dir": user_dir, "desc": desc, "debug": debug, "no_file": no_file}
    if len(own) != 1 or force_mp:
        return run_in_processes(own, device, keywords, task_per_device)
    try:
        return [run_task(own[0], alloc1(device), **keywords)]
    except Exception as error:
        if not catch:
            raise
        return [FailedRun(sym_tbl().record_dir, own[0], None, error, traceback.format_exc())]
    finally:
        sym_tbl().reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def run_task(cfg: Any, device_info: Mapping[str, Any], **kwargs: Any) -> RunResult:
    """Run one config in this process; the symbol table stays as the run left it.

    Raises: ConfigError: the config names no runner. Whatever the run raises.
    """
    if "runner" not in cfg:
        raise ConfigError("key 'runner' is missing; it names what to do, such as 'alchemy.runner.Trainer'")
    with AlchemyRunner.from_registry(str(cfg["runner"]), cfg, device_info, **kwargs) as runner:
        returned = runner.run()
        table = sym_tbl()
        return returned if isinstance(returned, RunResult) else RunResult(table.record_dir, cfg, table.ret)


def make_importable(user_dir: str) -> None:
    """Put the working directory and the parent of the user's folder on the import path.

    Raises: ConfigError: the folder was named and isn't there.
    """
    if user_dir != "src" and not Path(user_dir).is_dir():
        raise ConfigError(f"user_dir: there is no folder {user_dir!r} in {Path.cwd()}")
    for folder in dict.fromkeys((str(Path(user_dir).resolve().parent), str(Path.cwd()))):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    importlib.invalidate_caches()
