"""What alchemy's own pieces don't have: plain Adam, no schedule, and the order of samples that the other styles use."""

import torch

from torchalloy.adapters.alchemy import AlchemyOptimizer, AlchemyTrainScheduler, sym_tbl
from torchalloy.adapters.alchemy.pipeline import DataPipeline, ItrDataPipeline
from torchalloy.data import digits, sample_order


@DataPipeline.register()
class InOrder(ItrDataPipeline):
    """Batches of 32 scans in the order of the epoch under way."""

    def __init__(self, datapipe=None, **kwargs):
        super().__init__(datapipe)
        self.images, self.labels = digits().train.tensors

    def __iter__(self):
        epoch = sym_tbl().train_sched.cur_epoch + 1
        for batch in sample_order(len(self.labels), seed=0, epoch=epoch).split(32):
            yield {"image": self.images[batch], "label": self.labels[batch]}

    def __len__(self):
        return -(-len(self.labels) // 32)


@AlchemyOptimizer.register()
class Adam(AlchemyOptimizer):
    """torch's Adam, unclipped."""

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, **overrides):
        lr = {**self.cfg, **overrides}["lr"]
        self.optimizer = torch.optim.Adam(sym_tbl().model.optim_params(), lr=lr)

    def step(self):
        self.optimizer.step()


@AlchemyTrainScheduler.register()
class Constant(AlchemyTrainScheduler):
    """Counts epochs and steps, and leaves the rate alone."""

    def reset_lr_sched(self, **overrides):
        self.lr_sched = None
