"""`slover.optimizer`, spelled as one would expect."""

from torchalloy.adapters.trainframework.slover.optimizer import build_optimizer_with_gradient_clipping

__all__ = ["build_optimizer_with_gradient_clipping"]
