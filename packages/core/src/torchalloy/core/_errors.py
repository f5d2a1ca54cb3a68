"""What torchalloy raises when somebody can do something about it.

    AlloyError                  what happened, where, what would work; exit code 2 on the command line
      ConfigError               a config file, an override or a value in it
      UnknownName               a name nobody offers; the message holds the nearest one
      PluginError               a plugin that can't be loaded, or a name offered twice
      MissingExtra              an optional dependency that isn't installed
      RecipeError               a style compiled something that can't run
      RunError                  a run's folder: not found, ambiguous, damaged
      CheckpointError           a checkpoint: none, damaged, of another shape
      LaunchError               processes that couldn't be started or didn't stay

A failing step of the user's own code is none of these: it keeps its own type and traceback.
"""

__all__ = [
    "AlloyError",
    "CheckpointError",
    "ConfigError",
    "LaunchError",
    "MissingExtra",
    "PluginError",
    "RecipeError",
    "RunError",
    "UnknownName",
]


class AlloyError(Exception):
    """A mistake that its message explains: what, where, and what would work."""


class ConfigError(AlloyError):
    """A config file, an override, or a value in it can't be used. May hold several problems, one a line."""


class UnknownName(AlloyError):
    """A name that nobody offers."""


class PluginError(AlloyError):
    """A plugin can't be loaded, or offers a name that another one offers already."""


class MissingExtra(AlloyError):
    """A feature needs an optional dependency; the message names the extra that brings it."""


class RecipeError(AlloyError):
    """A style compiled something that can't run: no work, no budget, an empty stage."""


class RunError(AlloyError):
    """A run's folder isn't there, is ambiguous, or is damaged."""


class CheckpointError(AlloyError):
    """A checkpoint isn't there, is damaged, or doesn't fit what should take it."""


class LaunchError(AlloyError):
    """Processes couldn't be started, or one of them died."""
