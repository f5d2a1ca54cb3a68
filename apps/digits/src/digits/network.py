"""The network that all five styles train."""

from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """Two layers: 64 pixels, `hidden` units, 10 digits.

    Args:
        hidden: Units between the layers; >= 1.
    """

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the ten digits.

        Args:
            images: (B, 64) float32 in [0, 1].

        Returns: (B, 10) float32.
        """
        scores: Tensor = self.layers(images)
        return scores
