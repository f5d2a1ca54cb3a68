"""The registry of data sets."""

from collections.abc import Mapping
from typing import Any

from torchalloy.adapters.trainframework._errors import UnknownConfigKey
from torchalloy.adapters.trainframework._names import AnyCase, Names, construct
from torchalloy.core import did_you_mean

__all__ = ["BUILD_DATASET_REGISTRY", "build_dataset"]

BUILD_DATASET_REGISTRY = Names("DATA")


def build_dataset(cfg: Mapping[str, Any]) -> Any:
    """Return the data set that `cfg["NAME"]` names, made with the other keys in lower case.

    Nested dicts arrive as mappings that take their keys in either case.

    Raises:
        UnknownConfigKey: (a KeyError) where there is no `name`.
        UnknownRegistered: (a KeyError) where no data set has this name.
        WrongArguments: (a TypeError) where it takes no parameter of a key's name.
    """
    known: dict[str, Any] = {
        key.lower(): AnyCase(value) if isinstance(value, Mapping) else value for key, value in cfg.items()
    }
    if "name" not in known:
        raise UnknownConfigKey(f"dataloader: a data set needs a 'name'; {did_you_mean('name', known)}")
    name = known.pop("name")
    return construct(BUILD_DATASET_REGISTRY.get(name), known, f"dataloader (data set {name!r})")
