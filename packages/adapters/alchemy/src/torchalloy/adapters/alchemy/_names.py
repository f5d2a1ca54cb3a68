"""What a dotted `type` in a config stands for, whatever this package is called."""

__all__ = ["HERE", "as_written", "canonical"]

HERE = "torchalloy.adapters.alchemy"
ALIAS = "alchemy"
MOVED = (
    (f"{HERE}.scheduler.", f"{HERE}.sched."),
    (f"{HERE}.pipeline.Batch", f"{HERE}.pipeline.itr.Batch"),
)


def canonical(name: str) -> str:
    """Return the name under which the registry knows `name`.

    >>> canonical("alchemy.scheduler.Noam")
    'torchalloy.adapters.alchemy.sched.Noam'
    """
    if name.startswith(f"{ALIAS}."):
        name = f"{HERE}{name[len(ALIAS) :]}"
    for old, new in MOVED:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def as_written(name: str) -> str:
    """Return the short form of a canonical name, as config files write it."""
    return f"{ALIAS}{name[len(HERE) :]}" if name.startswith(f"{HERE}.") else name
