"""What `alloy --help` says."""

from torchalloy.cli._table import COMMANDS, GROUPS

__all__ = ["overview"]

_HEAD = """\
Usage: alloy COMMAND [...]        `alloy COMMAND --help` says all about one

alloy trains PyTorch models written in any of five styles, from one config file, on one engine.
"""

_TAIL = """
Examples
  alloy train --config configs/digits/process.yaml
  alloy train --config configs/digits/trainer.yaml seed=1 --name first --json
  alloy train --config configs/digits/process.yaml --launcher torchrun --nproc 2
  alloy resume @last
  alloy eval first
  alloy explain --config configs/digits/alchemy_model.toml

Everywhere
  key=value   Changes the config, in Hydra's grammar: key=value, +new_key=value, ~key.
  RUN         A run's folder, its name, the beginning of its name, or @last.
  --runs DIR  The folder of all runs (default: runs).
  --json      Prints the result as one line of JSON on stdout; everything else goes to stderr.
  --debug     Shows the whole traceback of a mistake.
  --version   Prints the version.

Exit status: 0 done, 1 your own code raised, 2 a mistake that the message explains, 130 interrupted.
"""


def overview(others: list[tuple[str, str, str]], trouble: str = "") -> str:
    """Return the help page.

    Args:
        others: Name, help and distribution of each command that another package offers.
        trouble: Why commands of other packages can't be listed, if so.
    """
    width = max(len(name) for name in [row[1] for row in COMMANDS] + [row[0] for row in others])
    lines = [_HEAD]
    for group in GROUPS:
        rows = [f"  {name:{width}}  {help_}" for of, name, help_, _ in COMMANDS if of == group]
        lines.append("\n".join([group, *rows]))
    if others:
        rows = [f"  {name:{width}}  {help_} ({source})" for name, help_, source in others]
        lines.append("\n".join(["Of other packages", *rows]))
    if trouble:
        lines.append(f"Commands of other packages can't be listed: {trouble}")
    return "\n".join(lines) + "\n" + _TAIL
