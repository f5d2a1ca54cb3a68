"""dora's `argparse_main`: the options of a parser become an experiment with a signature and a folder."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.main import DecoratedMain, DoraConfig
from torchalloy.adapters.flashy.dora.xp import XP, plain_data, signature

__all__ = ["ArgparseMain", "argparse_main"]


class ArgparseMain(DecoratedMain):
    """A user's `main()` as experiments that a parser's options name; the options are `get_xp().cfg`."""

    def __init__(self, main: Callable[[], Any], parser: ArgumentParser, config: DoraConfig) -> None:
        super().__init__(main)
        self.parser = parser
        self._config = config

    def get_xp(self, argv: Sequence[str]) -> XP:
        """Return the experiment that the options `argv` mean."""
        options = self.parser.parse_args(list(argv))
        given = [[name, value] for name, value in vars(options).items() if value != self.parser.get_default(name)]
        delta = sorted(plain_data([[name, value] for name, value in given if not self.dora.is_excluded(name)]))
        return XP(self.dora, options, list(argv), signature(delta), delta)

    def _settings(self) -> DoraConfig:
        return self._config

    def _call_main(self, xp: XP) -> Any:
        return self.main()


def argparse_main(
    *, parser: ArgumentParser, dir: str | Path = "./outputs", exclude: Sequence[str] = ()
) -> Callable[[Callable[[], Any]], ArgparseMain]:
    """Return the decorator that makes `main()` run as an experiment.

    Args:
        parser: Reads the command line.
        dir: Where experiments live.
        exclude: Shell patterns of options that don't change the signature.
    """
    return lambda main: ArgparseMain(main, parser, DoraConfig(dir, list(exclude)))
