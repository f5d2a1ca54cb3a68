"""Two processes that torchrun starts: every collective of flashy, and a run that equals one process's."""

import os
import subprocess
import sys

import pytest
import torch

RANKED = """
import json
from collections import defaultdict
from pathlib import Path

import torch
import torchalloy.adapters.flashy as flashy
from torchalloy.adapters.flashy import distrib
from torchalloy.adapters.flashy.dora import XP
from torchalloy.adapters.flashy.dora.main import DoraConfig

OUT = Path("out").absolute()


class Solver(flashy.BaseSolver):
    def __init__(self, eager):
        super().__init__()
        torch.manual_seed(distrib.rank())
        self.eager = eager
        layers = [torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3, affine=False), torch.nn.Linear(3, 1)]
        self.model = torch.nn.Sequential(*layers)
        distrib.broadcast_model(self.model)
        self.optim = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.register_stateful("model", "optim")

    def run(self):
        self.restore()
        for _ in range(self.epoch, 3):
            self.run_stage("train", self.train)
            self.commit()

    def train(self):
        data = torch.randn(16, 4, generator=torch.Generator().manual_seed(self.epoch))
        loader = distrib.loader(data, batch_size=4)
        self.model.eval()  # batch norm sees its own shard only
        average = flashy.averager()
        for batch in self.log_progress("train", loader, updates=0):
            loss = self.model(batch).pow(2).mean()
            if self.eager:
                with distrib.eager_sync_model(self.model):
                    loss.backward()
            else:
                loss.backward()
                distrib.sync_model(self.model)
            self.optim.step()
            self.optim.zero_grad()
            metrics = average({"loss": loss})
        return distrib.average_metrics({name: float(value) for name, value in metrics.items()}, len(data))


def collectives():
    rank = distrib.rank()
    counts = distrib.broadcast_object(defaultdict(int, {"a": rank + 5}) if rank == 1 else None, src=1)
    assert type(counts) is defaultdict and counts["a"] == 6
    means = distrib.average_metrics({"b": float(rank), "a": 1.0}, count=1 + 2 * rank)
    assert list(means) == ["b", "a"] and means == {"b": 0.75, "a": 1.0}
    tensors = [torch.full((2,), float(rank)), torch.tensor([rank]), torch.full((3,), 2.0 * rank, dtype=torch.float64)]
    distrib.average_tensors(tensors)
    assert [tensor.tolist() for tensor in tensors] == [[0.5, 0.5], [rank], [1.0, 1.0, 1.0]]
    distrib.broadcast_tensors(tensor := [torch.tensor([float(rank)])], src=1)
    assert tensor[0].tolist() == [1.0]
    raises("Mismatch in number of params", lambda: distrib.average_tensors([torch.ones(1)] * rank))
    raises("different metrics", lambda: distrib.average_metrics({str(rank): 1.0}))
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([10.0])
    with distrib.eager_sync_gradients([weight]):
        (weight * rank).sum().backward()
    assert weight.grad.tolist() == [10.5]
    raises("second gradient", lambda: twice(weight))
    assert distrib.rank_zero_only(lambda: "main")() == ("main" if rank == 0 else None)
    assert type(distrib.loader(list(range(5)), shuffle=True).sampler).__name__ == "DistributedSampler"
    assert [int(item) for item in distrib.loader(list(range(5)))] == ([0, 2, 4] if rank == 0 else [1, 3])


def twice(weight):
    with distrib.eager_sync_gradients([weight]):
        weight.sum().backward()
        weight.sum().backward()


def raises(text, call):
    try:
        call()
    except RuntimeError as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no error {text!r}")


def main():
    distrib.init()
    if distrib.is_distributed():
        collectives()
    for eager in (False, True):
        xp = XP(DoraConfig(OUT / f"{distrib.world_size()}"), {}, [], f"eager{eager}", [])
        with xp.enter():
            solver = Solver(eager)
            solver.run()
        torch.save(solver.model.state_dict(), OUT / f"weights_{distrib.world_size()}_{distrib.rank()}_{eager}.pt")
        assert len(json.loads(xp.history.read_text())) == 2 and len(solver.history) == 2


if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_two_ranks_agree_bit_by_bit_and_equal_one_process_on_the_joined_batches(tmp_path):
    (tmp_path / "ranked.py").write_text(RANKED)
    (tmp_path / "single.py").write_text(RANKED.replace("batch_size=4", "batch_size=8"))
    (tmp_path / "out").mkdir()
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "ranked.py"]
    for arguments in (["-m", *torchrun], ["single.py"]):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
    for eager in (False, True):
        first, second, alone = (torch.load(tmp_path / f"out/weights_{who}_{eager}.pt") for who in ("2_0", "2_1", "1_0"))
        for name in alone:
            assert torch.equal(first[name], second[name])
            torch.testing.assert_close(first[name], alone[name], rtol=1e-6, atol=1e-6)
