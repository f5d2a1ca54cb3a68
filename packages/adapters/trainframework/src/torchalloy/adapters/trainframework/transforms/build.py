"""The registry of transforms."""

from typing import Any

from torchalloy.adapters.trainframework._names import Names, construct

__all__ = ["BUILD_TRANSFORMER_REGISTRY", "build_transformer"]

BUILD_TRANSFORMER_REGISTRY = Names("TRANSFORMER")


def build_transformer(name: str, **kwargs: Any) -> Any:
    """Return the transform registered as `name`, made with `kwargs`.

    Raises:
        UnknownRegistered: (a KeyError) where no transform has this name.
        WrongArguments: (a TypeError) where it doesn't take one of `kwargs`.
    """
    return construct(BUILD_TRANSFORMER_REGISTRY.get(name), kwargs, f"transformer {name!r}")
