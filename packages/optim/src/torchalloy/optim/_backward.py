"""`loss.backward()` without the questions that one scalar loss has answered.

`Tensor.backward` asks for every call whether the gradients' shapes, symbolic sizes and layouts fit; for one real scalar
they do. `backward` here gives the same tensors to the same function of torch that `torch.autograd.backward` ends in, so
hooks, anomaly mode, compiled autograd and the logging of the graph work as ever. Everything else (a tensor subclass, an
active `__torch_function__` mode, a loss that is no scalar, a patched `Tensor.backward`) goes the public way.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["backward", "takes_short_way"]


def _find_engine() -> Any:
    """Return torch's entry to the autograd engine if it takes what we would give it, else None."""
    engine = getattr(torch.autograd.graph, "_engine_run_backward", None)
    if engine is None or getattr(torch._C, "_has_torch_function_unary", None) is None:
        return None
    probe = torch.zeros((), requires_grad=True)
    try:
        engine((probe * 3,), (torch.ones(()),), False, False, (), allow_unreachable=True, accumulate_grad=True)
    except TypeError:  # another torch: other parameters
        return None
    return engine if probe.grad is not None and probe.grad.item() == 3 else None


_run_engine = _find_engine()
_has_override = getattr(torch._C, "_has_torch_function_unary", None)
_public = Tensor.backward
_ones_like = torch.ones_like


def takes_short_way() -> bool:
    """Say whether this torch has the entry that `backward` wants."""
    return _run_engine is not None


def _short(loss: Any) -> None:
    if (
        type(loss) is Tensor
        and not loss.ndim
        and loss.is_floating_point()
        and not _has_override(loss)  # type: ignore[misc]  # there: `_find_engine` looked
        and Tensor.backward is _public
    ):
        # New ones each time: autograd may hand this very tensor on as a gradient, which others then change in place.
        _run_engine((loss,), (_ones_like(loss),), False, False, (), allow_unreachable=True, accumulate_grad=True)
    else:
        loss.backward()


def _long(loss: Any) -> None:
    loss.backward()


backward = _short if takes_short_way() else _long
