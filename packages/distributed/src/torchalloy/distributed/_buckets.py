"""Many tensors as few flat ones, since each exchange between processes costs a round trip."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["buckets", "spread"]


def buckets(tensors: Iterable["torch.Tensor"], max_bytes: int) -> Iterator[list["torch.Tensor"]]:
    """Group tensors of one dtype and device, in their order, up to `max_bytes` a group (one tensor may be more)."""
    open_groups: dict[Any, tuple[list[torch.Tensor], int]] = {}
    for tensor in tensors:
        kind = (tensor.dtype, tensor.device)
        group, size = open_groups.pop(kind, ([], 0))
        size_after = size + tensor.numel() * tensor.element_size()
        if group and size_after > max_bytes:
            yield group
            group, size_after = [], tensor.numel() * tensor.element_size()
        group.append(tensor)
        open_groups[kind] = (group, size_after)
    for group, _ in open_groups.values():
        yield group


def spread(flat: "torch.Tensor", like: list["torch.Tensor"]) -> Iterator["torch.Tensor"]:
    """Cut a flat tensor into views of the shapes of `like`."""
    pieces = flat.split_with_sizes([tensor.numel() for tensor in like])
    return (piece.view(tensor.shape) for piece, tensor in zip(pieces, like, strict=True))
