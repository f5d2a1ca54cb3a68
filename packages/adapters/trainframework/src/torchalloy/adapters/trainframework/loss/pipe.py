"""Losses composed as a config lists them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torchalloy.adapters.trainframework._errors import UnknownConfigKey, WrongArguments, WrongPairing
from torchalloy.adapters.trainframework._names import lowered
from torchalloy.adapters.trainframework.loss.build import build_loss
from torchalloy.core import did_you_mean

__all__ = ["LossCompose", "LossKeyCompose", "LossKeyCompose2"]

Loss = Callable[..., torch.Tensor]


class LossCompose(nn.Module):
    """The sum of losses that all get the same tensors, by position.

    Args:
        losses: `dict(name=..., **constructor)`, or callables.

    Raises: WrongArguments: (a TypeError) for an item that is neither.
    """

    def __init__(self, losses: Sequence[Any]) -> None:
        super().__init__()
        self.losses = _Kept([_loss_or_callable(item) for item in losses])

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the sum over all losses of `loss(*inputs)`."""
        return _sum([loss(*inputs) for loss in self.losses])


class LossKeyCompose(nn.Module):
    """Losses by key, each key with inputs of its own.

    Args:
        losses: `{key: [dict(name, param, input_name), ...]}`; a tuple or list of such dicts is a group that shares
            one input. Keys and names in items may be of either case.
        device: "cpu" or "cuda" moves the losses there.

    Raises:
        NameError: for two keys that differ only in case.
        UnknownConfigKey: (a KeyError) for an item without `name` or `param`.
    """

    def __init__(self, losses: Mapping[str, Sequence[Any]], device: str | None = None) -> None:
        super().__init__()
        self.losses: dict[str, list[tuple[_Item, ...]]] = {}
        for key, items in losses.items():
            if key.lower() in self.losses:
                raise NameError(f"loss key {key!r} is there twice, apart from case")
            self.losses[key.lower()] = [_group(item, f"loss key {key!r}") for item in items]
        self.kept = _Kept([item.loss for groups in self.losses.values() for group in groups for item in group])
        if device in ("cpu", "cuda"):
            self.to(device)

    def forward(self, inputs: Mapping[str, Sequence[Any]] | Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the sum over keys.

        `inputs` is `{key: [input, ...]}` where an input is a dict `{forward parameter: tensor}` or a tuple of tensors.
        n inputs meet n losses one by one; one input goes to every loss, and one loss to every input. A bare tuple of
        tensors goes to every loss of every key.

        Raises: WrongPairing: (an AssertionError) where numbers or names don't fit.
        """
        if not isinstance(inputs, Mapping):
            return _sum([item(inputs) for groups in self.losses.values() for group in groups for item in group])
        given = {key.lower(): value for key, value in inputs.items()}
        if given.keys() != self.losses.keys():
            raise WrongPairing(f"losses are configured for {sorted(self.losses)}, inputs given for {sorted(given)}")
        return _sum([_pair(key, groups, given[key]) for key, groups in self.losses.items()])


class LossKeyCompose2(nn.Module):
    """Losses that pick their tensors by name.

    Args:
        losses: `dict(name, param, input_name)`; `input_name` lists the tensors in the order of the loss's parameters,
            and is those parameters' own names where it is absent.
        device: "cpu" or "cuda" moves the losses there.
    """

    def __init__(self, losses: Sequence[Any], device: str | None = None) -> None:
        super().__init__()
        self.losses = [_item(node, "LossKeyCompose2") for node in losses]
        self.kept = _Kept([item.loss for item in self.losses])
        if device in ("cpu", "cuda"):
            self.to(device)

    def forward(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over all losses of `loss(*its tensors)`.

        Raises: UnknownConfigKey: (a KeyError) naming the loss and the tensor that isn't there.
        """
        return _sum([item.pick(inputs) for item in self.losses])


@dataclass(frozen=True)
class _Item:
    """One loss and the names its inputs go by."""

    loss: Loss
    input_name: tuple[str, ...]

    def __call__(self, given: Mapping[str, torch.Tensor] | Sequence[torch.Tensor]) -> torch.Tensor:
        if not isinstance(given, Mapping):
            return self.loss(*given)
        if set(given) != set(self.input_name or _parameters(self.loss)):
            raise WrongPairing(f"{self.name} takes {list(self.input_name)}, got {list(given)}")
        return self.pick(given)

    def paired(self, given: Mapping[str, torch.Tensor] | Sequence[torch.Tensor]) -> torch.Tensor:
        if self.input_name and not isinstance(given, Mapping):
            raise WrongPairing(f"{self.name} has input_name {list(self.input_name)}: give a dict, or drop input_name")
        return self(given)

    def pick(self, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
        parameters = _parameters(self.loss)
        names = self.input_name or parameters
        for name in names:
            if name not in given:
                raise UnknownConfigKey(f"{self.name} wants the tensor {name!r}; {did_you_mean(name, given)}")
        if set(names) <= set(parameters):
            return self.loss(**{name: given[name] for name in names})
        return self.loss(*(given[name] for name in names))  # the names are labels, in the order of the parameters

    @property
    def name(self) -> str:
        return type(self.loss).__name__


def _pair(key: str, groups: list[tuple[_Item, ...]], given: Sequence[Any]) -> torch.Tensor:
    """Bring n inputs and m losses together."""
    if not isinstance(given, (list, tuple)):
        raise WrongPairing(f"loss key {key!r} takes a list of inputs, got {type(given).__name__}")
    if len(given) != len(groups) and 1 not in (len(given), len(groups)):
        raise WrongPairing(f"loss key {key!r}: {len(given)} inputs can't be paired with {len(groups)} losses")
    num_pairs = max(len(given), len(groups))
    inputs, losses = _spread(given, num_pairs), _spread(groups, num_pairs)
    return _sum([item.paired(one) for one, group in zip(inputs, losses, strict=True) for item in group])


def _spread(things: Sequence[Any], count: int) -> list[Any]:
    return list(things) * count if len(things) == 1 and count > 1 else list(things)


def _group(node: Any, at: str) -> tuple[_Item, ...]:
    return tuple(_item(one, at) for one in (node if isinstance(node, (list, tuple)) else (node,)))


def _item(node: Any, at: str) -> _Item:
    if not isinstance(node, Mapping):
        if callable(node):
            return _Item(node, ())
        raise WrongArguments(f"{at}: a loss is dict(name, param, input_name), got {type(node).__name__}")
    known = lowered(node, 2)
    for wanted in ("name", "param"):
        if wanted not in known:
            raise UnknownConfigKey(f"{at}: a loss needs {wanted!r}; {did_you_mean(wanted, known)}")
    return _Item(build_loss(known["name"], **known["param"]), tuple(known.get("input_name") or ()))


def _loss_or_callable(item: Any) -> Loss:
    if isinstance(item, Mapping):
        known = lowered(item, 1)
        if "name" not in known:
            raise UnknownConfigKey(f"LossCompose: a loss needs 'name'; {did_you_mean('name', known)}")
        made: Loss = build_loss(known.pop("name"), **known)
        return made
    if callable(item):
        return item  # type: ignore[no-any-return]  # the user's own
    raise WrongArguments(f"LossCompose takes dicts and callables, got {type(item).__name__}")


class _Kept(nn.ModuleList):
    """Losses in a list that moves those which are modules with it, and holds the other callables as they are."""

    def __init__(self, losses: Sequence[Loss]) -> None:
        super().__init__(loss if isinstance(loss, nn.Module) else _Called(loss) for loss in losses)


class _Called(nn.Module):
    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.loss(*inputs)


def _parameters(loss: Loss) -> tuple[str, ...]:
    """Names of the inputs that a loss takes."""
    return tuple(inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters)


def _sum(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Add up without touching any of `values` in place."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
