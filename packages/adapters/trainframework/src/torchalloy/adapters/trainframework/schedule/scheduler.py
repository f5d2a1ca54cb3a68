"""Reads the command line and the config, and hands them to the trainer they name."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from fvcore.common.config import CfgNode

from torchalloy.adapters.trainframework._errors import MissingConfigFile
from torchalloy.adapters.trainframework.config.defaults import get_cfg
from torchalloy.adapters.trainframework.config.parser import default_argument_parser
from torchalloy.adapters.trainframework.log.logger import setup_logger
from torchalloy.adapters.trainframework.schedule._layout import (
    ROOTS,
    aligned,
    merge_options,
    merge_values,
    share_losses,
    upper,
)
from torchalloy.adapters.trainframework.trainer.build import build_trainer
from torchalloy.config import load_config
from torchalloy.core import LaunchError
from torchalloy.data import seed_everything

__all__ = ["BaseScheduler", "upper"]


class BaseScheduler:
    """`BaseScheduler().schedule()` is a whole training script; a subclass may replace any step of it by name."""

    def schedule(self, argv: Sequence[str] | None = None) -> None:
        """Train what the command line says.

        Args:
            argv: The arguments behind the script's name; `sys.argv`'s by default.

        Raises: ConfigError: naming what is wrong in the config. LaunchError: for several processes or devices, which
            `alloy train --launcher torchrun --nproc N` starts.
        """
        args = default_argument_parser().parse_args(argv)
        if args.distribute and args.num_gpus * args.num_machines > 1:
            self.distributed(args)
        else:
            self.main_func(args, is_distributed=False)

    def distributed(self, args: argparse.Namespace) -> None:
        """Refuse to start several processes from inside a script.

        Raises: LaunchError: always, with the command that starts them.
        """
        raise LaunchError(
            f"--distribute with {args.num_gpus * args.num_machines} processes isn't started by the script; run"
            f" `alloy train --config {args.config_file} --launcher torchrun --nproc {args.num_gpus}`"
        )

    def main_func(
        self,
        args: argparse.Namespace,
        local_rank: int | None = None,
        global_rank: int = 0,
        world_size: int = 1,
        is_distributed: bool = False,
    ) -> None:
        """Set up this process and train."""
        cfg = self.setup(args)
        cfg.defrost()
        cfg.TRAINER.DEVICE = _device(cfg.TRAINER.DEVICE, args.num_gpus)
        cfg.TRAINER.PARADIGM = CfgNode(_paradigm(args.num_gpus, local_rank, global_rank, world_size, is_distributed))
        cfg.freeze()
        if cfg.SEED is not None:
            seed_everything(cfg.SEED, global_rank)
        logger = setup_logger(cfg.OUTPUT_DIR, global_rank, name=cfg.OUTPUT_LOG_NAME)
        if cfg.OUTPUT_DIR and global_rank == 0:
            logger.info("torch %s, config:\n%s", torch.__version__, cfg.dump())
            (Path(cfg.OUTPUT_DIR) / "config.yaml").write_text(cfg.dump())
        self.lunch_func(cfg, args)

    def lunch_func(self, cfg: Any, args: argparse.Namespace) -> None:
        """Build the trainer, load what it should start from, and run its loop."""
        trainer = build_trainer(cfg)
        trainer.resume_or_load(args.resume)
        trainer.loop()

    def setup(self, args: argparse.Namespace) -> Any:
        """Return the frozen config of defaults, file and options; makes OUTPUT_DIR."""
        cfg = get_cfg()
        values = self.py2cfg(args.config_file) if args.config_file else {}
        self.align_struct(cfg, values)
        cfg = self.merged(cfg, values, args.opts)
        if cfg.OUTPUT_DIR:
            Path(cfg.OUTPUT_DIR).mkdir(parents=True, exist_ok=True)
        return cfg

    def merged(self, cfg: Any, values: Mapping[str, Any], options: Sequence[str] = ()) -> Any:
        """Return `cfg` with `values` (upper-case keys) and `options` (`KEY VALUE ...`) merged over it, frozen."""
        merge_values(cfg, values)
        merge_options(cfg, options)
        share_losses(cfg)
        cfg.freeze()
        return cfg

    def py2cfg(self, path: str) -> dict[str, Any]:
        """Return what a config file and its `_base_` files say, with keys in upper case.

        Of a Python file only the known roots are taken; its other names are its own.

        Raises: MissingConfigFile: (a FileNotFoundError). ConfigError: with file, line and column.
        """
        self.check_file_exist(path)
        tree = load_config(Path(path)).tree
        if path.endswith(".py"):
            _say_what_is_private(tree)
            tree = {key: value for key, value in tree.items() if key.lower() in ROOTS}
        values: dict[str, Any] = upper(tree)
        return values

    def align_struct(self, cfg: Any, values: Mapping[str, Any]) -> None:
        """Make room in the defaults `cfg` for what `values` choose."""
        aligned(cfg, values)

    def dict2cfg(self, values: Mapping[str, Any]) -> Any:
        """Return a dict as a `CfgNode` with keys in upper case."""
        return CfgNode(upper(values))

    @staticmethod
    def check_file_exist(path: str) -> None:
        """Check that a config file is there.

        Raises: MissingConfigFile: (a FileNotFoundError) with its name.
        """
        if not Path(path).is_file():
            raise MissingConfigFile(f"--config-file: no file {path}")


def _device(configured: str | None, num_gpus: int) -> str:
    if not torch.cuda.is_available():
        return "cpu"
    return configured or ("cuda" if num_gpus > 0 else "cpu")


def _paradigm(
    num_gpus: int, local_rank: int | None, global_rank: int, world_size: int, is_distributed: bool
) -> dict[str, Any]:
    if not is_distributed and num_gpus >= 2 and torch.cuda.is_available():
        raise LaunchError(
            f"--num-gpus {num_gpus} would mean DataParallel, which isn't carried; use one GPU, or one process for each:"
            f" `alloy train --launcher torchrun --nproc {num_gpus}`"
        )
    return {
        "TYPE": "DDP" if is_distributed else "NORMAL",
        "GPU_ID": local_rank,
        "GLOBAL_RANK": global_rank,
        "WORLD_SIZE": world_size,
        "NUM_PER_GPUS": num_gpus if is_distributed else 1,
    }


def _say_what_is_private(tree: Mapping[str, Any]) -> None:
    private = [key for key, value in tree.items() if isinstance(value, Mapping) and key.lower() not in ROOTS]
    if private:
        logging.getLogger(__name__).warning(
            "%s: no root of a config, so private to the file; the roots are %s", ", ".join(private), ", ".join(ROOTS)
        )
