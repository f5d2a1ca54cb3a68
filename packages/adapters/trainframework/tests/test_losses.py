"""Losses, alone and composed."""

from typing import Any

import pytest
import torch

from torchalloy.adapters.trainframework.loss import (
    LOSS_ARCH_REGISTRY,
    CrossEntropyLoss,
    LossCompose,
    LossKeyCompose,
    LossKeyCompose2,
    MSELoss,
    build_loss,
)

X, Y, Z = (torch.randn(3, 4, generator=torch.Generator().manual_seed(k)) for k in range(3))
TWO = [{"name": "MSELoss", "param": {}}, {"NAME": "MSELoss", "PARAM": {"LAMBDA_WEIGHT": 10.0}}]
A, B = (MSELoss()(X, other) for other in (Y, Z))


@pytest.mark.parametrize(
    ("losses", "inputs", "expected"),
    [
        (TWO, [(X, Y), (X, Z)], A + 10 * B),
        (TWO, [(X, Y)], 11 * A),
        (TWO[:1], [(X, Y), (X, Z)], A + B),
        ([tuple(TWO)], [(X, Y)], 11 * A),
    ],
)
def test_inputs_and_losses_of_a_key_are_paired(losses: Any, inputs: Any, expected: torch.Tensor) -> None:
    torch.testing.assert_close(LossKeyCompose({"k": losses})({"k": inputs}), expected)


def test_numbers_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(AssertionError, match="2 inputs can't be paired with 3 losses"):
        LossKeyCompose({"k": [*TWO, TWO[0]]})({"k": [(X, Y), (X, Z)]})
    with pytest.raises(AssertionError, match="configured for"):
        LossKeyCompose({"k": TWO})({"other": [(X, Y)]})
    with pytest.raises(NameError):
        LossKeyCompose({"k": TWO, "K": TWO})
    with pytest.raises(KeyError, match="'param'"):
        LossKeyCompose({"k": [{"name": "MSELoss"}]})


def test_a_bare_pair_goes_to_every_loss() -> None:
    torch.testing.assert_close(LossKeyCompose({"a": TWO, "b": TWO[:1]})((X, Y)), 12 * A)


def test_named_inputs_are_given_by_name_in_any_order() -> None:
    item = {"name": "MSELoss", "param": {}, "input_name": ["input_tensor", "target_tensor"]}
    got = LossKeyCompose({"k": [item]})({"k": [{"target_tensor": Y, "input_tensor": X}]})
    torch.testing.assert_close(got, A)


def test_losses_pick_their_tensors_by_label() -> None:
    items = [{"name": "MSELoss", "param": {}, "input_name": names} for names in (["x", "y"], ["x", "z"])]
    compose = LossKeyCompose2(items)
    torch.testing.assert_close(compose({"x": X, "y": Y, "z": Z}), A + B)
    with pytest.raises(KeyError, match="MSELoss wants the tensor 'z'"):
        compose({"x": X, "y": Y})


def test_a_list_of_losses_is_summed_and_weights_is_lambda_weight() -> None:
    compose = LossCompose([{"name": "MSELoss", "weights": 2.0}, lambda one, other: (one - other).abs().mean()])
    torch.testing.assert_close(compose((X, Y)), 2 * A + (X - Y).abs().mean())
    with pytest.raises(TypeError, match="got int"):
        LossCompose([3])


def test_a_target_with_a_channel_is_squeezed_and_with_more_refused() -> None:
    target = torch.tensor([0, 3, 1])
    assert torch.equal(CrossEntropyLoss()(X, target[:, None]), torch.nn.functional.cross_entropy(X, target))
    with pytest.raises(AssertionError, match="one channel"):
        CrossEntropyLoss()(X, Y)


@pytest.mark.parametrize("name", ["L1Loss", "SmoothL1Loss", "MSELoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"])
def test_each_loss_is_torchs_times_its_weight(name: str) -> None:
    target = torch.sigmoid(Y)
    expected = 3 * getattr(torch.nn, name)()(X, target)
    torch.testing.assert_close(build_loss(name, lambda_weight=3.0)(X, target), expected)


def test_a_loss_of_the_users_own_is_registered_once() -> None:
    @LOSS_ARCH_REGISTRY.register()
    class MyOwnLoss(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum()

    assert "MyOwnLoss" in LOSS_ARCH_REGISTRY
    with pytest.raises(AssertionError, match="already registered in 'LOSS'"):
        LOSS_ARCH_REGISTRY.register(type("MyOwnLoss", (), {}))
