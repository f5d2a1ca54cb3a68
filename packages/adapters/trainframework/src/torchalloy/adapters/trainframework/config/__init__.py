"""The config every run starts from, and the options of a training script."""

from torchalloy.adapters.trainframework.config.defaults import _C, get_cfg, get_defaults
from torchalloy.adapters.trainframework.config.parser import default_argument_parser

__all__ = ["_C", "default_argument_parser", "get_cfg", "get_defaults"]
