"""torch's DataLoader whose batch size can be changed."""

from typing import Any

from torch.utils.data import BatchSampler
from torch.utils.data import DataLoader as TorchDataLoader

from torchalloy.core import ConfigError

__all__ = ["DataLoader"]


class DataLoader(TorchDataLoader[Any]):
    """torch's DataLoader, and `set_batch_size`."""

    def set_batch_size(self, batch_size: int) -> None:
        """Give batches of `batch_size` from the next iteration on; >= 1.

        Raises: ConfigError: the loader makes no batches itself, or those of a batch sampler of one's own.
        """
        if type(self.batch_sampler) is not BatchSampler:
            raise ConfigError(
                "set_batch_size: this DataLoader was made without batch_size, so its batches aren't its own to size"
            )
        if batch_size < 1:
            raise ConfigError(f"set_batch_size: expected an integer >= 1, got {batch_size!r}")
        self.batch_sampler.batch_size = batch_size
