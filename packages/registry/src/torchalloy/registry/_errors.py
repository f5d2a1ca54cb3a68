"""What goes wrong inside a config node, with the way to the wrong key.

AlloyError
  BuildError                a node that can't be built; `path` leads to the key at fault
    UnknownInNode           ... because of a name or a parameter nobody knows (also an UnknownName)
"""

from torchalloy.core import AlloyError, UnknownName

__all__ = ["BuildError", "UnknownInNode"]


class BuildError(AlloyError):
    """A config node can't be built.

    Attributes:
        message: What is wrong, without the place.
        path: Keys and list indices from the node given to `build` to the one at fault; empty for the node itself.
            Whoever knows the file turns it into file, line and column.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.message}" if self.path else self.message


class UnknownInNode(BuildError, UnknownName):
    """A node names something, or a parameter of it, that doesn't exist."""
