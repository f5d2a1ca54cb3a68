"""Parameter groups for models around a pretrained encoder."""

from collections.abc import Iterable
from typing import Any

from loguru import logger
from torch import nn

__all__ = ["prepare_trf_based_model_params"]


def prepare_trf_based_model_params(
    model: nn.Module, trf: nn.Module, weight_decay: float = 1e-2, trf_lr: float | None = 2e-5
) -> list[dict[str, Any]]:
    """Return parameter groups for a head on a pretrained encoder.

    Args:
        model: The whole model.
        trf: The encoder inside it.
        weight_decay: Decay of everything but biases and layer norms.
        trf_lr: Learning rate of the encoder, or None to treat it like the rest.

    Returns: With `trf_lr`: the encoder, the others with decay, the others without. Else: with decay, without.
    """
    inside = {id(parameter) for parameter in trf.parameters()} if trf_lr is not None else set()
    plain = _without_decay(model)
    named = [(name, parameter) for name, parameter in model.named_parameters() if id(parameter) not in inside]
    decayed = [parameter for name, parameter in named if name not in plain]
    undecayed = [parameter for name, parameter in named if name in plain]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    if trf_lr is None:
        return groups
    _tell_once(len(undecayed))
    return [{"params": list(trf.parameters()), "lr": trf_lr}, *groups]


def _without_decay(model: nn.Module) -> set[str]:
    norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
    return {name for name, _ in model.named_parameters() if _is_plain(name, norms)}


def _is_plain(name: str, norms: Iterable[str]) -> bool:
    owner, _, last = name.rpartition(".")
    return last == "bias" or "LayerNorm" in name or owner in norms


_told: set[str] = set()


def _tell_once(num_parameters: int) -> None:
    if num_parameters and "biases" not in _told:
        _told.add("biases")
        logger.info("the head's biases and layer norms are trained, without decay; the original alchemy left them out")
