"""How many predictions are right."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

__all__ = ["classify"]


def classify(preds: Tensor, labels: Tensor, cacu_rate: bool = False, topk: Sequence[int] | None = None) -> Any:
    """Count the samples whose label is among the k highest scores.

    Args:
        preds: (B, C) scores, any device.
        labels: (B,) integers in [0, C), same device.
        cacu_rate: Return shares rather than counts; thexp spells it so.
        topk: The values of k, each in [1, C]; (1, 5) by default.

    Returns: (B, [hits for each k]), or with `cacu_rate` the list of hits / B.
    """
    ks = (1, 5) if topk is None else tuple(topk)
    best = preds.topk(max(ks), dim=1).indices
    hits = best.eq(labels.reshape(-1, 1))
    counts = [int(hits[:, :k].sum()) for k in ks]
    return [count / len(labels) for count in counts] if cacu_rate else (len(labels), counts)
