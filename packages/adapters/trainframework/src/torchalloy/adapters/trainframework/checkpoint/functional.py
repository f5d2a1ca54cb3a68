"""State dicts of networks, wrapped or not, loaded as far as they fit."""

import logging
from collections.abc import Mapping
from typing import Any

__all__ = ["get_model_state_dict", "load_checkpoint_state_dict", "load_model_state_dict"]


def get_model_state_dict(model: Any) -> dict[str, Any]:
    """Return the state dict of `model`, or of the network in a DataParallel or DistributedDataParallel."""
    state: dict[str, Any] = _unwrapped(model).state_dict()
    return state


def load_model_state_dict(model: Any, state_dict: Mapping[str, Any], log_name: str) -> None:
    """Load the entries of `state_dict` that `model` has in the same shape; the log names all others, by kind."""
    network = _unwrapped(model)
    own, log = network.state_dict(), logging.getLogger(log_name)
    unknown = [key for key in state_dict if key not in own]
    unlike = [key for key in state_dict if key in own and state_dict[key].shape != own[key].shape]
    missing = [key for key in own if key not in state_dict]
    network.load_state_dict(
        {key: state_dict[key] for key in state_dict if key not in (*unknown, *unlike)}, strict=False
    )
    if unknown:
        log.warning("in the file but not in the model: %s", ", ".join(unknown))
    if unlike:
        shapes = (
            f"{key} {tuple(state_dict[key].shape)} in the file, {tuple(own[key].shape)} in the model" for key in unlike
        )
        log.warning("of another shape, so left as it was: %s", "; ".join(shapes))
    if missing:
        log.warning("in the model but not in the file: %s", ", ".join(missing))


def load_checkpoint_state_dict(part: Any, state_dict: Mapping[str, Any]) -> None:
    """Load `state_dict` into an optimizer, a schedule, or anything else that takes one."""
    part.load_state_dict(state_dict)


def _unwrapped(model: Any) -> Any:
    return model.module if type(model).__name__ in ("DataParallel", "DistributedDataParallel") else model
