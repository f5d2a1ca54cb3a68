"""The registries of models and networks."""

from collections.abc import Mapping
from typing import Any

from torchalloy.adapters.trainframework._errors import UnknownConfigKey
from torchalloy.adapters.trainframework._names import Names, construct, lowered
from torchalloy.core import did_you_mean

__all__ = ["BUILD_MODEL_REGISTRY", "BUILD_NETWORK_REGISTRY", "build_model", "build_network"]

BUILD_MODEL_REGISTRY = Names("MODEL")
BUILD_NETWORK_REGISTRY = Names("NETWORK")


def build_model(cfg: Any) -> Any:
    """Return the model that `cfg.TRAINER.MODEL.NAME` names, made with the whole config.

    Raises: UnknownRegistered: (a KeyError) where no model has this name.
    """
    return BUILD_MODEL_REGISTRY.get(cfg.TRAINER.MODEL.NAME)(cfg)


def build_network(params: Mapping[str, Any]) -> Any:
    """Return the network that `params["NAME"]` names, made with the other keys in lower case.

    Raises:
        UnknownConfigKey: (a KeyError) where there is no `name`.
        UnknownRegistered: (a KeyError) where no network has this name.
        WrongArguments: (a TypeError) where the network takes no parameter of a key's name.
    """
    known = lowered(params, 2)
    if "name" not in known:
        raise UnknownConfigKey(f"trainer.model.generator: the network needs a 'name'; {did_you_mean('name', known)}")
    name = known.pop("name")
    return construct(BUILD_NETWORK_REGISTRY.get(name), known, f"trainer.model.generator (network {name!r})")
