"""What this style raises, with the built-in types that its users already catch.

AlloyError
  UnknownName
    UnknownType (KeyError)       a config's `type` that no family member answers to
    NoFamily (RuntimeError)      a family in which nothing was ever registered
    MissingKey (RuntimeError)    a symbol that isn't in the table
  NoFrame (AlloyError, RuntimeError)      a local symbol is asked for, and no scope is open
  SymbolTaken (AlloyError, RuntimeError)  a symbol that is set already
  NameTaken (AlloyError, KeyError)        a name that is registered already
  DottedAlias (AlloyError, NameError)     an alias that isn't one plain name
  BadArgument (ConfigError, ValueError)   a value a constructor can't use
  NoSuchSplit (ConfigError, KeyError)     a data split that wasn't loaded
"""

from torchalloy.core import AlloyError, ConfigError, UnknownName

__all__ = [
    "BadArgument",
    "DottedAlias",
    "MissingKey",
    "NameTaken",
    "NoFamily",
    "NoFrame",
    "NoSuchSplit",
    "SymbolTaken",
    "UnknownType",
]


class UnknownType(UnknownName, KeyError):
    """A config's `type` that no member of the family answers to.

    Attributes:
        asked: The type as the config wrote it.
    """

    __str__ = Exception.__str__  # KeyError would print the message as a quoted literal

    def __init__(self, message: str, asked: str = "") -> None:
        super().__init__(message)
        self.asked = asked


class NoFamily(UnknownName, RuntimeError):
    """A family in which nothing was ever registered."""


class MissingKey(UnknownName, RuntimeError):
    """A symbol that isn't in the table."""


class NoFrame(AlloyError, RuntimeError):
    """A local symbol is asked for, and no scope is open."""


class SymbolTaken(AlloyError, RuntimeError):
    """A symbol that is set already."""


class NameTaken(AlloyError, KeyError):
    """A name that is registered already."""

    __str__ = Exception.__str__


class DottedAlias(AlloyError, NameError):
    """An alias that isn't one plain name."""


class BadArgument(ConfigError, ValueError):
    """A value that a constructor can't use."""


class NoSuchSplit(ConfigError, KeyError):
    """A data split that wasn't loaded."""

    __str__ = Exception.__str__
