"""Start a module as one process or as several on this machine."""

import importlib.util
import os
import runpy
import sys
from collections.abc import Mapping, Sequence

from torchalloy.core import LaunchError, MissingExtra

__all__ = ["Accelerate", "Here", "Torchrun"]


class Here:
    """Runs the module in this very process."""

    name = "here"

    def launch(self, command: Sequence[str], num_processes: int, /) -> int:
        """Run the module `command[0]` with the arguments after it; return its exit status. What it raises is raised.

        Raises: LaunchError: `num_processes` isn't 1.
        """
        if num_processes != 1:
            raise LaunchError(f"launcher 'here' starts one process, not {num_processes}; use --launcher torchrun")
        before = sys.argv
        sys.argv = list(command)
        try:
            runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        except SystemExit as left:
            return status_of(left)
        finally:
            sys.argv = before
        return 0


class Torchrun:
    """Starts processes under torch's own agent, as the command `torchrun --standalone` does."""

    name = "torchrun"

    def launch(self, command: Sequence[str], num_processes: int, /) -> int:
        """Run the module `command[0]` with the arguments after it as `num_processes` processes, each its own rank.

        Process 0 has this terminal, the others write into files. When one fails, the others are ended. SIGINT and
        SIGTERM are handed on to all, and the status is 128 + the signal's number then.

        Returns: 0, or the status that process 0 chose to exit with where it failed first (it has said why itself).
        Raises: LaunchError: with the error of the process that failed first; or no process can be started.
        """
        _check(self.name, command, num_processes)
        return _start(command, num_processes, {})


class Accelerate:
    """Starts processes in which `accelerate.Accelerator()` finds its place.

    The agent is torchrun's on CPUs too, where `accelerate launch` starts a single process without a word. Mixed
    precision is taken from accelerate's own config file where there is one.
    """

    name = "accelerate"

    def launch(self, command: Sequence[str], num_processes: int, /) -> int:
        """Run the module as `Torchrun` does, with what accelerate reads from the environment.

        Raises: MissingExtra: accelerate isn't installed.
        Raises: LaunchError: as `Torchrun`; or more processes than GPUs; or accelerate's config asks for DeepSpeed,
            FSDP, a TPU...: those need `accelerate launch` itself.
        """
        if importlib.util.find_spec("accelerate") is None:
            raise MissingExtra(
                "launcher 'accelerate' needs accelerate: pip install 'torchalloy-distributed[accelerate]', or use "
                "--launcher torchrun"
            )
        _check(self.name, command, num_processes)
        return _start(command, num_processes, _accelerate_environment(num_processes))


def status_of(left: SystemExit) -> int:
    """Return the exit status that a SystemExit stands for, printing its text as the interpreter would."""
    if left.code is None or isinstance(left.code, int):
        return left.code or 0
    print(left.code, file=sys.stderr)
    return 1


def _check(name: str, command: Sequence[str], num_processes: int) -> None:
    if num_processes < 1:
        raise LaunchError(f"launcher {name!r}: {num_processes} processes can't be started; use 1 or more")
    if "TORCHELASTIC_RUN_ID" in os.environ or int(os.environ.get("WORLD_SIZE", "1") or 1) > 1:
        raise LaunchError(
            f"launcher {name!r}: this is already process {os.environ.get('RANK', '?')} of "
            f"{os.environ.get('WORLD_SIZE', '?')} that a launcher has started; use --launcher here inside it"
        )
    try:
        found = importlib.util.find_spec(command[0])
    except ModuleNotFoundError:
        found = None
    place = command[0].replace(".", os.sep)  # `python -m` looks in the current folder too
    if found is None and not (os.path.exists(f"{place}.py") or os.path.isdir(place)):
        raise LaunchError(f"launcher {name!r}: there is no module {command[0]!r} to start")


def _start(command: Sequence[str], num_processes: int, environment: Mapping[str, str]) -> int:
    from torchalloy.distributed._agent import supervise  # imports torch

    return supervise(command, num_processes, environment)


def _accelerate_environment(num_processes: int) -> dict[str, str]:
    import torch

    settings = _accelerate_config()
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", str(settings.get("use_cpu", ""))).lower() in ("1", "true", "yes")
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if num_gpus and not on_cpu and num_processes > num_gpus:
        raise LaunchError(
            f"launcher 'accelerate': {num_processes} processes, but {num_gpus} GPUs; start at most {num_gpus}, or set "
            "ACCELERATE_USE_CPU=true to train on the CPU"
        )
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", str(settings.get("mixed_precision") or "no"))
    return {
        "ACCELERATE_USE_CPU": "true" if on_cpu or not num_gpus else "false",
        "ACCELERATE_MIXED_PRECISION": precision,
        "ACCELERATE_DYNAMO_BACKEND": os.environ.get("ACCELERATE_DYNAMO_BACKEND", "NO"),
    }


def _accelerate_config() -> dict[str, object]:
    from accelerate.commands.config.config_args import default_config_file, load_config_from_file

    if not os.path.isfile(default_config_file):
        return {}
    settings = dict(vars(load_config_from_file(None)))
    kind = str(getattr(settings.get("distributed_type"), "value", settings.get("distributed_type")) or "NO")
    if kind not in ("NO", "MULTI_CPU", "MULTI_GPU"):
        raise LaunchError(
            f"launcher 'accelerate': {default_config_file} asks for {kind}, which needs accelerate's own command "
            "(accelerate launch -m torchalloy.cli train ...); use that, or --launcher torchrun"
        )
    return settings
