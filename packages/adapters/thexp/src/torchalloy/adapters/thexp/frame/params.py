"""Hyper-parameters: one ordered store, read by attribute or by item, fed by code or by the command line."""

from __future__ import annotations

import ast
import pprint
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from torchalloy.adapters.thexp.base_classes.errors import BoundCheckError
from torchalloy.core import ConfigError, did_you_mean

__all__ = ["AttrDict", "BaseParams", "Params"]

P = TypeVar("P", bound="BaseParams")


class AttrDict(dict[str, Any]):
    """A dict whose items are attributes too; dicts put in become such dicts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _as_node(value))

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"no parameter {name!r} here; {did_you_mean(name, self)}")

    def __delattr__(self, name: str) -> None:
        del self[name]


class BaseParams:
    """Parameters by name, in the order they were set; empty at first.

    `params.lr` and `params["lr"]` are the same thing. `params["optim.lr"]` reaches into a node, and makes it when it
    is assigned. Names that begin with `_` are ordinary attributes.
    """

    def __init__(self) -> None:
        object.__setattr__(self, "_param_dict", AttrDict())
        self._exp_name: str | None = None
        self._bounds: dict[str, Callable[[Any], str | None]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._param_dict[name]
        except KeyError:
            raise AttributeError(
                f"{type(self).__name__} has no parameter {name!r}; {did_you_mean(name, self.keys())}"
            ) from None

    def __delattr__(self, name: str) -> None:
        del self._param_dict[name]

    def __setitem__(self, name: str, value: Any) -> None:
        name = str(name)
        problem = self._bounds[name](value) if name in self._bounds else None
        if problem:
            raise BoundCheckError(f"parameter {name!r}: {problem}")
        *nodes, leaf = name.split(".")
        node = self._param_dict
        for part in nodes:
            if not isinstance(node.get(part), AttrDict):
                node[part] = {}
            node = node[part]
        node[leaf] = value

    def __getitem__(self, name: str) -> Any:
        node: Any = self._param_dict
        for part in str(name).split("."):
            node = node[part]
        return node

    def __contains__(self, name: str) -> bool:
        return self.contains(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._param_dict)

    def __len__(self) -> int:
        return len(self._param_dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseParams) and self._param_dict == other._param_dict

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}{pprint.pformat(list(self.items()), width=80, sort_dicts=False)}"

    @property
    def inner_dict(self) -> AttrDict:
        """The store itself."""
        store: AttrDict = self._param_dict
        return store

    def keys(self) -> list[str]:
        """Return the names, in the order they were set."""
        return list(self._param_dict)

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values, in the order they were set."""
        return list(self._param_dict.items())

    def contains(self, name: str) -> bool:
        """Return whether `name`, which may be dotted, is set."""
        try:
            self[name]
        except (KeyError, TypeError):
            return False
        return True

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of `name`, which may be dotted, or `default`."""
        return self[name] if self.contains(name) else default

    def update(self: P, values: Mapping[str, Any]) -> P:
        """Set each name of `values`; return the parameters."""
        for name, value in values.items():
            self[name] = value
        return self

    def choice(self, name: str, *choices: Any) -> Any:
        """Allow only `choices` for `name`, and set the first.

        Raises: BoundCheckError: here and at later assignments, for another value.
        """
        self._bounds[name] = lambda value: (
            None if value in choices else f"{value!r} isn't one of {', '.join(map(repr, choices))}"
        )
        self[name] = choices[0]
        return choices[0]

    def arange(self, name: str, default: float, left: float = float("-inf"), right: float = float("inf")) -> float:
        """Allow only values from `left` to `right` for `name`, and set `default`.

        Raises: BoundCheckError: here and at later assignments, for a value outside.
        """
        self._bounds[name] = lambda value: None if left <= value <= right else f"{value!r} isn't in [{left}, {right}]"
        self[name] = default
        return default

    def optim_option(self, lr: float = 0.001, **options: Any) -> AttrDict:
        """Set `optim` to the options of an optimizer, `lr` first, and return them: `SGD(weights, **params.optim)`."""
        self["optim"] = {"lr": lr, **options}
        node: AttrDict = self["optim"]
        return node

    def build_exp_name(self, *names: str, prefix: str = "", sep: str = "_", ignore_mode: str = "add") -> str:
        """Make the experiment's name and remember it.

        Args:
            names: A parameter's name becomes `name=value` if its value is a number, a string or a 0-d tensor, and
                nothing otherwise; any other name stands for itself.
            prefix: What comes first, if it isn't blank.
            sep: Between the pieces.
            ignore_mode: "add" keeps names that are no parameters, "del" drops them.

        Raises: AssertionError: another `ignore_mode`.

        >>> params = Params()
        >>> params.lr = 0.01
        >>> params.build_exp_name("mytrainer", "lr")
        'mytrainer_lr=0.01'
        """
        assert ignore_mode in ("add", "del"), f"ignore_mode is {ignore_mode!r}; expected 'add' or 'del'"
        pieces = [prefix.strip()] if prefix.strip() else []
        for name in names:
            if not self.contains(name):
                pieces += [name] if ignore_mode == "add" else []
            elif _is_short(self[name]):
                pieces.append(f"{name}={self[name]}")
        self._exp_name = sep.join(pieces)
        return self._exp_name

    def get_exp_name(self) -> str:
        """Return the experiment's name.

        Raises: AssertionError: `build_exp_name` wasn't called.
        """
        assert self._exp_name is not None, "build_exp_name(...) gives the experiment its name; call it first"
        return self._exp_name

    def from_args(self: P, argv: Sequence[str] | None = None) -> P:
        """Set what the command line says (`--lr=0.1 --optim.lr 0.01 --flag`), as literals where it can.

        Raises: ConfigError: an argument that is neither a parameter nor its value.
        """
        for name, value in _options(sys.argv[1:] if argv is None else argv):
            self[name] = value
        return self


class Params(BaseParams):
    """Parameters of a training: `epoch`, `eidx` (from 1), `idx`, `global_step` and `device` are there at once."""

    def __init__(self) -> None:
        import torch

        super().__init__()
        self.epoch = 10
        self.eidx = 1
        self.idx = 0
        self.global_step = 0
        self.device = "cuda:0" if torch.cuda.is_available() else "cpu"


def _as_node(value: Any) -> Any:
    return AttrDict(value) if isinstance(value, dict) and not isinstance(value, AttrDict) else value


def _is_short(value: Any) -> bool:
    return isinstance(value, int | float | str | bool) or (hasattr(value, "dim") and value.dim() == 0)


def _options(argv: Sequence[str]) -> Iterable[tuple[str, Any]]:
    waiting: str | None = None
    for argument in argv:
        if argument.startswith("-") and argument.lstrip("-")[:1].isidentifier():
            if waiting is not None:
                yield waiting, True
            waiting, equals, text = argument.lstrip("-").partition("=")
            if equals:
                yield waiting, _literal(text)
                waiting = None
        elif waiting is None:
            raise ConfigError(f"command line: {argument!r} is no parameter; write --name=value")
        else:
            yield waiting, _literal(argument)
            waiting = None
    if waiting is not None:
        yield waiting, True


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(_BareWords().visit(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return text


class _BareWords(ast.NodeTransformer):
    """Turns names into strings, so that `[a,b]` is a list of two."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Constant(node.id), node)
