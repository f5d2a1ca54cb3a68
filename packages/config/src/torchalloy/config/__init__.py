"""Read configs in YAML, TOML and Python as one document in which every value knows where it comes from."""

from torchalloy.config._document import ConfigDocument
from torchalloy.config._load import document_from_tree, load_config
from torchalloy.config._loaders import PythonLoader, TomlLoader, YamlLoader
from torchalloy.config._problems import join_problems

__all__ = [
    "ConfigDocument",
    "PythonLoader",
    "TomlLoader",
    "YamlLoader",
    "document_from_tree",
    "join_problems",
    "load_config",
]
