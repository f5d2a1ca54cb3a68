"""The `.pth` files that TrainFramework's users look for, written beside the run's own checkpoints."""

from torchalloy.adapters.trainframework.checkpoint.checkpoint_manager import CheckPointerManager
from torchalloy.adapters.trainframework.checkpoint.checkpoint_state_dict import CheckPointStateDict

__all__ = ["CheckPointStateDict", "CheckPointerManager"]
