import copy
from functools import wraps

import pytest
import torch
from torch import nn
from torch.optim import optimizer as internals

from torchalloy.optim._backward import backward, takes_short_way
from torchalloy.optim._quick import innermost, quick_step

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "SGD foreach": lambda p: torch.optim.SGD(p, lr=0.1, foreach=True),
    "SGD fused": lambda p: torch.optim.SGD(p, lr=0.1, fused=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, amsgrad=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=0.1),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=0.1),
}


class Own(torch.optim.Optimizer):
    """Somebody's own optimizer, as tutorials write them."""

    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.sub_(parameter.grad.sign() * 0.01)


def parameters():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(4))]


def stepped(make, take_of, num_steps=4):
    held = parameters()
    optimizer = make(held)
    take = take_of(optimizer)
    torch.manual_seed(1)
    for _ in range(num_steps):
        for parameter in held:
            parameter.grad = torch.randn_like(parameter)
        take()
        assert torch.is_grad_enabled()
    return held, optimizer.state_dict()


def flat(state):
    return [(key, value.tolist() if isinstance(value, torch.Tensor) else value) for key, value in sorted(state.items())]


@pytest.mark.parametrize("name", [*OPTIMIZERS, "Own"])
def test_quick_step_equals_step_bit_for_bit(name):
    make = OPTIMIZERS.get(name, Own)
    ours, our_state = stepped(make, quick_step)
    theirs, their_state = stepped(make, lambda optimizer: optimizer.step)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for our, their in zip(our_state["state"].values(), their_state["state"].values(), strict=True):
        assert flat(our) == flat(their)


def test_this_torch_is_taken_the_short_way():
    assert takes_short_way()
    inner, sets_grad_mode = innermost(torch.optim.SGD)
    assert inner is not None and inner is not torch.optim.SGD.step and sets_grad_mode


def counting(calls):
    return lambda *_: calls.append(1)


def held_optimizer():
    held = parameters()
    for parameter in held:
        parameter.grad = torch.ones_like(parameter)
    optimizer = torch.optim.SGD(held, lr=0.1)
    return optimizer, quick_step(optimizer)


@pytest.mark.parametrize("register", ["register_step_pre_hook", "register_step_post_hook"])
def test_hooks_registered_later_are_called(register):
    optimizer, take = held_optimizer()
    calls = []
    handle = getattr(optimizer, register)(counting(calls))
    take()
    handle.remove()
    take()
    assert calls == [1]


@pytest.mark.parametrize("when", ["pre", "post"])
def test_hooks_for_all_optimizers_are_called(when):
    _, take = held_optimizer()
    calls = []
    handle = getattr(internals, f"register_optimizer_step_{when}_hook")(counting(calls))
    take()
    handle.remove()
    take()
    assert calls == [1]


def test_a_patched_step_is_called(monkeypatch):
    optimizer, take = held_optimizer()
    calls = []
    original = optimizer.step
    optimizer.step = lambda: (calls.append("object"), original())
    take()
    del optimizer.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: calls.append("class"))
    take()
    assert calls == ["object", "class"]


def test_a_patch_over_the_schedulers_is_called():
    optimizer, take = held_optimizer()
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    calls = []
    scheduled = optimizer.step
    optimizer.step = wraps(scheduled)(lambda: (calls.append(1), scheduled()))
    take()
    assert calls == [1]


def test_the_profiler_sees_the_steps_name():
    _, take = held_optimizer()
    with torch.profiler.profile() as profile:
        take()
    assert "Optimizer.step#SGD.step" in {event.key for event in profile.key_averages()}


def test_schedulers_made_before_and_after_know_of_the_step(recwarn):
    optimizer, take = held_optimizer()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    take()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert not [warning for warning in recwarn if "lr_scheduler" in str(warning.message)]


def test_a_failing_step_leaves_gradients_on():
    optimizer, take = held_optimizer()
    optimizer.param_groups[0]["lr"] = "fast"
    with pytest.raises(TypeError):
        take()
    assert torch.is_grad_enabled()


LOSSES = {
    "scalar": lambda w: (w**2).sum(),
    "float64": lambda w: (w.double() ** 2).sum(),
    "one element": lambda w: (w**2).sum().reshape(1),
    "the sum itself": lambda w: w.sum(),
    "a view": lambda w: w[0].reshape(()),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_backward_equals_torchs(name):
    ours, theirs = torch.randn(3, requires_grad=True), None
    theirs = ours.detach().clone().requires_grad_()
    backward(LOSSES[name](ours))
    LOSSES[name](theirs).backward()
    assert torch.equal(ours.grad, theirs.grad)


def test_gradients_of_two_steps_share_no_memory():
    weight = torch.zeros(1, requires_grad=True)
    backward(weight.reshape(()))
    weight.grad.mul_(7)
    first, weight.grad = weight.grad, None
    backward(weight.reshape(()))
    assert (first.item(), weight.grad.item()) == (7, 1)


@pytest.mark.parametrize(
    "loss",
    [
        lambda: torch.zeros(3, requires_grad=True) * 2,
        lambda: torch.zeros(()),
        lambda: torch.zeros((), dtype=torch.complex64, requires_grad=True) * 2,
    ],
)
def test_a_loss_that_has_no_gradient_fails_as_in_torch(loss):
    with pytest.raises(RuntimeError) as theirs:
        loss().backward()
    with pytest.raises(RuntimeError) as ours:
        backward(loss())
    assert str(ours.value) == str(theirs.value)


def test_hooks_modes_and_subclasses_see_backward(monkeypatch):
    seen = []

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    weight = torch.zeros(2, requires_grad=True)
    loss = weight.sum()
    loss.register_hook(lambda gradient: gradient * 5)
    with Mode():
        backward(loss)
    assert torch.Tensor.backward in seen and weight.grad.tolist() == [5, 5]

    weight.grad = None
    marked = (weight * 2).as_subclass(nn.Parameter.__mro__[0])
    backward(marked.sum())
    assert weight.grad.tolist() == [2, 2]

    monkeypatch.setattr(torch.Tensor, "backward", lambda self: seen.append("patched"))
    backward(weight.sum())
    assert seen[-1] == "patched"


def test_optimizers_that_were_copied_still_step():
    optimizer, _ = held_optimizer()
    twin = copy.deepcopy(optimizer)
    for parameter in twin.param_groups[0]["params"]:
        parameter.grad = torch.ones_like(parameter)
    before = twin.param_groups[0]["params"][0].detach().clone()
    quick_step(twin)()
    assert torch.equal(twin.param_groups[0]["params"][0], before - 0.1)
