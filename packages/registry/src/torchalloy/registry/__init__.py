"""Turn names into objects: registered names, dotted paths, and config nodes that say what to build."""

from torchalloy.registry._dotted import import_path, is_path
from torchalloy.registry._errors import BuildError, UnknownInNode
from torchalloy.registry._expect import expect
from torchalloy.registry._registry import Registry

__all__ = ["BuildError", "Registry", "UnknownInNode", "expect", "import_path", "is_path"]
