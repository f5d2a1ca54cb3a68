"""Another name of `torchalloy.adapters.alchemy.sched`."""

from torchalloy.adapters.alchemy.sched import AlchemyTrainScheduler, LineWarmup, Noam, NoamScheduler

__all__ = ["AlchemyTrainScheduler", "LineWarmup", "Noam", "NoamScheduler"]
