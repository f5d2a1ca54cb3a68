"""The options of a training script."""

import argparse
import os

__all__ = ["default_argument_parser"]


def default_argument_parser(epilog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of `train.py`; `KEY VALUE` pairs may stand at the end, bare or after `--opts`."""
    parser = argparse.ArgumentParser(epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-file", default="", metavar="FILE", help="a .py or YAML config")
    parser.add_argument("--resume", action="store_true", help="continue from what OUTPUT_DIR holds")
    parser.add_argument("--distribute", action="store_true", help="one process per GPU")
    parser.add_argument("--num-gpus", type=int, default=1, help="GPUs per machine; 0 for none")
    parser.add_argument("--num-machines", type=int, default=1)
    parser.add_argument("--machine-rank", type=int, default=0, help="this machine's number, from 0")
    parser.add_argument("--dist-url", default=f"tcp://127.0.0.1:{_port()}", help="where the processes meet")
    parser.add_argument(
        "--opts", dest="opts", action="extend", nargs=argparse.REMAINDER, default=[], help="KEY VALUE ..."
    )
    parser.add_argument("opts", action="extend", nargs=argparse.REMAINDER, default=[], help="KEY VALUE ...")
    return parser


def _port() -> int:
    """A port in the dynamic range that differs between the users of one machine."""
    return 49152 + (os.getuid() if hasattr(os, "getuid") else 1) % 16384
