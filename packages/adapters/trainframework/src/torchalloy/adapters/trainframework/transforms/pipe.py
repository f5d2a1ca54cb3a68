"""Transforms one after another."""

from collections.abc import Mapping, Sequence
from typing import Any

import torchalloy.adapters.trainframework.transforms.transforms  # noqa: F401  # registers the built-in ones
from torchalloy.adapters.trainframework._errors import UnknownConfigKey, WrongArguments
from torchalloy.adapters.trainframework._names import lowered
from torchalloy.adapters.trainframework.transforms.build import build_transformer
from torchalloy.core import did_you_mean

__all__ = ["TransformCompose"]


class TransformCompose:
    """Calls transforms in order on one record.

    Args:
        transforms: Callables that take a record and return it, or `dict(name=..., **constructor)`, keys in either case.

    Raises: WrongArguments: (a TypeError) for an item that is neither.
    """

    def __init__(self, transforms: Sequence[Any] = ()) -> None:
        self.transforms = [_transform(item) for item in transforms]

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the record after all transforms; one that lists no image is returned as it is.

        Sets `img_shape` and `ori_shape`, (h, w), to the images' size before the first transform.

        Raises: AssertionError: where the listed images differ in size.
        """
        names = [*results.get("img_fields", ()), *results.get("color_fields", ())]
        if not names:
            return results
        shapes = {name: results[name].shape[:2] for name in names}
        assert len(set(shapes.values())) == 1, f"images of one record should have one size, got {shapes}"
        results["img_shape"] = results["ori_shape"] = shapes[names[0]]
        for transform in self.transforms:
            results = transform(results)
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transforms})"


def _transform(item: Any) -> Any:
    if isinstance(item, Mapping):
        known = lowered(item, 1)
        if "name" not in known:
            raise UnknownConfigKey(f"transformer: an item needs a 'name'; {did_you_mean('name', known)}")
        return build_transformer(known.pop("name"), **known)
    if callable(item):
        return item
    raise WrongArguments(f"transformer: an item is a dict with 'name' or a callable, got {type(item).__name__}")
