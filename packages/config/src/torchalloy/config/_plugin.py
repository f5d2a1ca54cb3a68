"""What torchalloy.config offers: loaders for YAML, TOML and Python."""

from collections.abc import Iterable

from torchalloy.config._loaders import LOADERS
from torchalloy.core import ConfigLoader, hookimpl


@hookimpl
def alloy_config_loaders() -> Iterable[ConfigLoader]:
    """Offer the loaders that come with torchalloy."""
    return LOADERS
