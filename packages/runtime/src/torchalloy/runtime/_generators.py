"""The random generators of every rank, as one part."""

from collections.abc import Mapping
from typing import Any

import torch.distributed as dist

from torchalloy.data import Generators, seed_everything
from torchalloy.distributed import Ranks

__all__ = ["RankGenerators"]


class RankGenerators:
    """The global generators of all ranks by rank. A rank the checkpoint doesn't know is seeded anew from the seed."""

    def __init__(self, ranks: Ranks, seed: int) -> None:
        self._ranks = ranks
        self._seed = seed
        self._own = Generators()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every rank; all ranks call it together."""
        states: list[Any] = [self._own.state_dict()]
        if self._ranks.num_ranks > 1:
            states *= self._ranks.num_ranks
            dist.all_gather_object(states, self._own.state_dict())
        return {str(rank): state for rank, state in enumerate(states)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over this rank's state."""
        own = state.get(str(self._ranks.rank))
        if own is None:
            seed_everything(self._seed, rank=self._ranks.rank)
        else:
            self._own.load_state_dict(own)
