"""Mistakes in a user's project, each also of the built-in type that TrainFramework's users catch."""

from torchalloy.core import AlloyError, CheckpointError, ConfigError, UnknownName

__all__ = [
    "MissingConfigFile",
    "MissingWeights",
    "NotAStepResult",
    "UnknownConfigKey",
    "UnknownRegistered",
    "WrongArguments",
    "WrongPairing",
    "WrongValue",
]


class _AtKey(ConfigError):
    """A mistake at a config key, written as users write it: `trainer.model.name`."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class UnknownRegistered(_AtKey, UnknownName, KeyError):
    """A name that no class was registered under."""

    __str__ = Exception.__str__  # KeyError would show the message quoted


class UnknownConfigKey(_AtKey, KeyError, AssertionError):
    """A key that the closed part of the config doesn't have, or one that is missing."""

    __str__ = Exception.__str__


class MissingConfigFile(ConfigError, FileNotFoundError):
    """A config file, or one that it is based on, isn't there."""


class WrongValue(_AtKey, ValueError):
    """A config value that can't be used."""


class WrongArguments(_AtKey, TypeError):
    """A config node whose keys don't fit the constructor it names."""


class WrongPairing(_AtKey, AssertionError):
    """Numbers that don't go together: inputs and losses, batch and accumulation."""


class NotAStepResult(AlloyError, TypeError):
    """`run_step` returned neither a 0-d tensor nor a dict with `loss`."""


class MissingWeights(CheckpointError, FileNotFoundError):
    """A file of weights isn't there."""
