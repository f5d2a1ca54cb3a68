"""On a GPU: the same bits as a hand-written loop, a resume to the same rest, and no step that waits for the device."""

import pytest
import torch

from torchalloy.core import Budget, Every, Handlers, Recipe, Stage
from torchalloy.optim import canonical_parts, supervised
from torchalloy.runtime import run_recipe

pytestmark = pytest.mark.gpu


def model_and_optimizer():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).cuda()
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def batches(number):
    generator = torch.Generator().manual_seed(1)
    made = [
        (torch.randn(32, 64, generator=generator), torch.randint(10, (32,), generator=generator)) for _ in range(number)
    ]
    return [(images.cuda(), labels.cuda()) for images, labels in made]


def train(data, epochs, *handlers, **options):
    model, optimizer = model_and_optimizer()
    step = supervised(model, torch.nn.CrossEntropyLoss(), optimizer)
    parts = canonical_parts({"model": model, "optimizer": optimizer})
    recipe = Recipe((Stage("train", data, step),), Budget(epochs), parts, handlers)
    run_recipe(recipe, style="test", progress=False, **options)
    return [parameter.detach().cpu() for parameter in model.parameters()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_weights_equal_those_of_a_hand_written_loop():
    data = batches(20)
    model, optimizer = model_and_optimizer()
    for images, labels in data:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert equal(train(data, 1), [parameter.detach().cpu() for parameter in model.parameters()])


def test_a_run_resumes_to_the_same_rest(tmp_path):
    data = batches(10)
    train(data, 2, folder=tmp_path / "half")
    assert equal(train(data, 4, folder=tmp_path / "half", resume=True), train(data, 4, folder=tmp_path / "whole"))


def test_a_step_that_does_not_report_never_waits_for_the_gpu(tmp_path):
    def watch(state, _):
        if state.global_iteration == 1:
            torch.cuda.set_sync_debug_mode("error")  # from here on a wait raises
        elif state.global_iteration == 49:
            torch.cuda.set_sync_debug_mode("default")

    try:
        train(batches(60), 1, Handlers("watch", after_step=Every(1, watch)), folder=tmp_path / "run")
    finally:
        torch.cuda.set_sync_debug_mode("default")
