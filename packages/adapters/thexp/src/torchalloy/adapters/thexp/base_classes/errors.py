"""What thexp's parameters raise."""

__all__ = ["BoundCheckError"]


class BoundCheckError(ValueError):
    """A parameter was given a value outside the choices or the interval it was declared with."""
