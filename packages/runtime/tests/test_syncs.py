"""No step waits for the device, except those that report: every way a tensor is read back is counted."""

from pathlib import Path

import torch

from torchalloy.core import Budget, Recipe, Stage, State
from torchalloy.optim import canonical_parts, supervised
from torchalloy.runtime import run_recipe

READS = ("item", "tolist", "numpy", "cpu", "__float__", "__int__", "__bool__", "__index__")


def test_only_reporting_steps_read_a_tensor_back(tmp_path: Path, monkeypatch):
    state, reads = State(), []

    def counted(name, read):
        def reading(tensor, *args, **kwargs):
            reads.append((state.stage, state.global_iteration, name))
            return read(tensor, *args, **kwargs)

        return reading

    model = torch.nn.Linear(8, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = supervised(model, torch.nn.CrossEntropyLoss(), optimizer)
    batches = [(torch.randn(4, 8), torch.randint(2, (4,))) for _ in range(170)]
    recipe = Recipe(
        (Stage("train", batches, step),), Budget(epochs=1), canonical_parts({"model": model, "optimizer": optimizer})
    )
    for name in READS:
        monkeypatch.setattr(torch.Tensor, name, counted(name, getattr(torch.Tensor, name)))
    run_recipe(recipe, style="test", folder=tmp_path / "run", state=state, progress=False)
    assert {at for stage, at, _ in reads if stage == "train"} <= {0, 50, 100, 150, 170}
    assert {50, 100, 150, 170} <= {at for _, at, _ in reads}
