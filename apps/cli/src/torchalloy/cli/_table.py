"""The built-in commands. A table of plain tuples, so that `alloy --help` imports nothing to show it."""

__all__ = ["COMMANDS", "GROUPS"]

# group, name, help, "module:function"
COMMANDS = (
    ("Train", "train", "Train what a config file describes.", "torchalloy.cli._train:command"),
    ("Train", "resume", "Continue a run from its newest checkpoint.", "torchalloy.cli._resume:command"),
    ("Train", "eval", "Score a run's newest checkpoint.", "torchalloy.cli._eval:command"),
    ("Look", "runs", "List the runs of a folder: how they stand and how they scored.", "torchalloy.cli._runs:command"),
    ("Look", "explain", "Show what a config would run, at which moment.", "torchalloy.cli._explain:command"),
    ("Look", "plugins", "List what is installed, and what each package offers.", "torchalloy.cli._offers:command"),
)

GROUPS = ("Train", "Look")
