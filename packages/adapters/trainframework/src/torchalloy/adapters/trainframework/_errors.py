"""Mistakes in a user's project, each also of the built-in type that TrainFramework's users catch."""

from torchalloy.core import CheckpointError, ConfigError, UnknownName

__all__ = [
    "DamagedWeights",
    "MissingConfigFile",
    "NotAStepResult",
    "UnknownConfigKey",
    "UnknownRegistered",
    "WrongArguments",
    "WrongPairing",
    "WrongValue",
]


class UnknownRegistered(UnknownName, KeyError):
    """A name that no class was registered under."""

    __str__ = Exception.__str__  # KeyError would show the message quoted


class UnknownConfigKey(ConfigError, KeyError, AssertionError):
    """A key that the closed part of the config doesn't have; AssertionError where it came from the command line."""

    __str__ = Exception.__str__


class MissingConfigFile(ConfigError, FileNotFoundError):
    """A config file, or one that it is based on, isn't there."""


class WrongValue(ConfigError, ValueError):
    """A config value that can't be used."""


class WrongArguments(ConfigError, TypeError):
    """A config node whose keys don't fit the constructor it names."""


class WrongPairing(ConfigError, AssertionError):
    """Numbers that don't go together: inputs and losses, batch and accumulation."""


class NotAStepResult(ConfigError, TypeError):
    """`run_step` returned neither a 0-d tensor nor a dict with `loss`."""


class DamagedWeights(CheckpointError, RuntimeError):
    """A `.pth` file that holds no weights of TrainFramework's layout."""
