"""The nearest right name, for every message about a wrong one."""

from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, or None where none is close.

    >>> nearest("lerning_rate", ["learning_rate", "epochs"])
    'learning_rate'
    """
    import difflib  # only ever needed on the way to an error message

    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the nearest name if there is one, and all that are known.

    >>> did_you_mean("adm", ["adam", "sgd"])
    "did you mean 'adam'? Known: adam, sgd"
    """
    names = sorted(known)
    listed = f"Known: {', '.join(names)}" if names else "None is known"
    found = nearest(name, names)
    return f"did you mean {found!r}? {listed}" if found else listed
