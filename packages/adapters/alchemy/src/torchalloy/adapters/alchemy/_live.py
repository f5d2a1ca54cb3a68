"""The parts of a checkpoint, read from the wrappers when they are asked for: users swap what is inside."""

from collections.abc import Callable, Mapping
from typing import Any

from loguru import logger

__all__ = ["Gradients", "Live"]


class Live:
    """The state of whatever `find` returns at that moment."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def state_dict(self) -> Any:
        """Return its state, with the numbers of a config document as plain ones."""
        return native(self._find().state_dict())

    def load_state_dict(self, state: Any, /) -> None:
        """Become what `state` says."""
        self._find().load_state_dict(state)


class Gradients:
    """Gradients that wait for their update: what a run interrupted between two updates needs to go on."""

    def __init__(self, model: Callable[[], Any]) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Return the gradient of each parameter that has one, by name."""
        return {
            "gradients": {name: p.grad.clone() for name, p in self._model().named_parameters() if p.grad is not None}
        }

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Put the gradients back; another style's state has none, which is said by a warning."""
        if "gradients" not in state:
            logger.warning("the checkpoint is another style's: gradients waiting for their update, if any, are lost")
            return
        parameters = dict(self._model().named_parameters())
        for name, gradient in state["gradients"].items():
            parameters[name].grad = gradient.to(parameters[name].device)


def native(value: Any) -> Any:
    """Return `value` with every number and string of a config document replaced by the plain one it stands for."""
    if isinstance(value, dict):
        made = {key: native(item) for key, item in value.items()}
        return made if type(value) is dict else _like(value, made)
    if type(value) in (list, tuple):
        return type(value)(native(item) for item in value)
    return value.unwrap() if type(value).__module__.startswith("tomlkit.") else value


def _like(value: Any, made: dict[Any, Any]) -> Any:
    for key, item in made.items():
        value[key] = item
    return value
