"""The names under which every style's checkpoints keep the same things."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from torchalloy.core import Stateful
from torchalloy.optim._ema import EMA

__all__ = ["canonical_parts"]


def canonical_parts(objects: Mapping[str, object]) -> dict[str, Stateful]:
    """Name what a checkpoint keeps among `objects` (a user's attributes by name), the same way in every style.

    A module is `model`, an optimizer `optimizer`, a learning-rate schedule `schedule`, a gradient scaler `scaler`,
    averaged weights `ema`; where there are several of a kind, each is `kind.attribute`. Left out are modules without
    any state (losses), modules inside another one that is named, an object's second name, and everything else. What
    wraps a whole model (`torch.compile`, DistributedDataParallel) is looked through, so that its checkpoints fit the
    bare one.

    Args:
        objects: In the order of the result. The names are only used where a kind has several.

    >>> net = nn.Linear(2, 1)
    >>> sorted(canonical_parts({"net": net, "criterion": nn.MSELoss(), "head": net}))
    ['model']
    """
    kinds: dict[str, dict[str, Any]] = {}
    for attribute, thing in _once_each(objects).items():
        kind = next((kind for kind, belongs in _KINDS.items() if belongs(thing)), None)
        if kind is not None:
            kinds.setdefault(kind, {})[attribute] = thing
    kinds = {kind: _outermost(found) if kind == "model" else found for kind, found in kinds.items()}
    return {
        kind if len(found) == 1 else f"{kind}.{attribute}": thing
        for kind, found in kinds.items()
        for attribute, thing in found.items()
    }


def _once_each(objects: Mapping[str, object]) -> dict[str, object]:
    bare = {attribute: _bare(thing) for attribute, thing in objects.items()}
    first_names: dict[int, str] = {}
    for attribute, thing in bare.items():
        first_names.setdefault(id(thing), attribute)
    return {attribute: bare[attribute] for attribute in first_names.values()}


def _bare(thing: Any) -> Any:
    while isinstance(thing, nn.Module):
        inner = thing.module if isinstance(thing, _WRAPPERS) else getattr(thing, "_orig_mod", thing)
        if inner is thing:
            break
        thing = inner
    return thing


def _outermost(modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    inside = {id(part) for module in modules.values() for part in module.modules() if part is not module}
    return {attribute: module for attribute, module in modules.items() if id(module) not in inside}


def _is_schedule(thing: object) -> bool:
    if isinstance(thing, LRScheduler):
        return True
    return isinstance(thing, Stateful) and hasattr(thing, "step") and hasattr(thing, "last_epoch")


def _has_state(module: nn.Module) -> bool:
    return next(chain(module.parameters(), module.buffers()), None) is not None


_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)

# Asked in this order: an AveragedModel is a module, too.
_KINDS: dict[str, Callable[[Any], bool]] = {
    "ema": lambda thing: isinstance(thing, EMA | AveragedModel),
    "model": lambda thing: isinstance(thing, nn.Module) and _has_state(thing),
    "optimizer": lambda thing: isinstance(thing, Optimizer),
    "schedule": _is_schedule,
    "scaler": lambda thing: isinstance(thing, GradScaler) and thing.is_enabled(),
}
