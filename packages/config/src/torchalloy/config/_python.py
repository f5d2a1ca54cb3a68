"""Read Python configs: run the file, take what it assigned, and find in its syntax tree where that was written."""

import ast
import inspect
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from torchalloy.config._plain import plain
from torchalloy.config._problems import problem_at, raise_all, read_text
from torchalloy.config._tree import Path, Places, move_places, paths
from torchalloy.core import ConfigError, Place

__all__ = ["read_python"]


def read_python(path: FilePath) -> tuple[dict[Any, Any], Places]:
    """Return the values a Python file assigns at its top level and where each was written.

    The file runs in place: `__file__` is its path, `sys.path` stays as it is. Modules, functions, classes and names
    that start with `_` are not values, except `_base_`, which names the files this one builds on.

    Raises: ConfigError: the file can't be parsed, raises, writes a key twice in one dict, or assigns what no config
        holds.
    """
    text = read_text(path)
    tree, code = _parse(text, path)
    reading = _Reading(str(path), text.splitlines())
    reading.block(tree.body)
    raise_all(reading.problems)
    values = {name: value for name, value in _run(code, path).items() if _is_value(name, value)}
    places = {at: place for name, found in reading.names.items() for at, place in _at(name, found).items()}
    copied: dict[Any, Any] = plain(values, lambda at: _nearest(places, at, path))
    written = {at for at, _ in paths(copied)}
    return copied, {at: place for at, place in places.items() if at in written}


def _parse(text: str, path: FilePath) -> tuple[ast.Module, types.CodeType]:
    try:
        tree = ast.parse(text, filename=str(path))
        return tree, compile(tree, str(path), "exec")
    except SyntaxError as error:
        place = Place(str(path), error.lineno, error.offset)
        raise problem_at(place, f"broken Python: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # a null character; nesting beyond the parser
        raise problem_at(Place(str(path)), f"broken Python: {error or type(error).__name__}") from error


def _run(code: types.CodeType, path: FilePath) -> dict[str, Any]:
    """Run the file as a module of its own and return its names.

    It is in `sys.modules` while it runs, since dataclasses and others look their module up there.
    """
    module = types.ModuleType(f"torchalloy_config_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # a Python config is the user's own program
    except (Exception, SystemExit) as error:
        raise _failure(error, path) from error
    finally:
        del sys.modules[module.__name__]
    return vars(module)


def _failure(error: BaseException, path: FilePath) -> ConfigError:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename == str(path)] or frames[-1:]
    here, last = ours[-1], frames[-1]
    column = here.colno + 1 if here.colno is not None else None
    message = " ".join(traceback.format_exception_only(error)[-1].split())
    elsewhere = f" (raised at {last.filename}:{last.lineno})" if last is not here else ""
    return problem_at(Place(here.filename, here.lineno, column), f"this config raises {message}{elsewhere}")


def _is_value(name: str, value: Any) -> bool:
    if name == "_base_":
        return True
    code = isinstance(value, type | types.ModuleType) or inspect.isroutine(value)
    return not name.startswith("_") and not code


def _at(name: str, places: Places) -> Places:
    return move_places(places, (), (name,))


def _nearest(places: Places, path: Path, file: FilePath) -> Place:
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return Place(str(file))


@dataclass
class _Reading:
    """Where the names of a file and what's inside them were written, as far as its text tells."""

    file: str
    lines: list[str]
    names: dict[str, Places] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, value)
            case ast.Expr() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case _:  # an import, a loop, a branch: the text alone doesn't tell which line decided
                self.names |= {name: {(): self.place(node)} for name in _bound(node)}

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = self.expression(value) | {(): self.place(target)}
            return
        name, keys = _subscripts(target)
        if name in self.names and keys:  # cfg["a"]["b"] = 1
            kept = {at: place for at, place in self.names[name].items() if at[: len(keys)] != keys}
            self.names[name] = kept | move_places(self.expression(value), (), keys) | {keys: self.place(target)}
            return
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.names[part.id] = {(): self.place(part)}

    def expression(self, node: ast.expr) -> Places:
        """Return the places inside a value, by path from the value."""
        match node:
            case ast.Dict(keys=keys, values=values):
                return self.mapping([(key, key, value) for key, value in zip(keys, values, strict=True)])
            case ast.Call(func=ast.Name(id="dict"), args=positional, keywords=keywords):
                inherited: Places = {}
                for argument in positional:
                    inherited |= self.expression(argument)
                named: list[tuple[Any, ast.expr | None, ast.expr]] = [
                    (keyword, ast.Constant(keyword.arg) if keyword.arg is not None else None, keyword.value)
                    for keyword in keywords
                ]
                return inherited | self.mapping(named)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self.sequence(items)
            case ast.Name(id=name) if name in self.names:
                return {at: place for at, place in self.names[name].items() if at}
        return {}

    def mapping(self, items: list[tuple[Any, ast.expr | None, ast.expr]]) -> Places:
        """Return the places of keys; an item is (what is placed, key or None for `**`, value)."""
        places: Places = {}
        first: dict[Any, int] = {}
        for written, key, value in items:
            if key is None:
                places |= self.expression(value)
            elif isinstance(key, ast.Constant) and isinstance(key.value, str | int | float):
                if key.value in first:
                    message = f"key {key.value!r} is written twice; the first one is at line {first[key.value]}"
                    self.problems.append(problem_at(self.place(written), message))
                first[key.value] = written.lineno
                path: Path = (key.value,)  # type: ignore[assignment]  # a float key is rare
                places = {at: place for at, place in places.items() if at[:1] != path}
                places |= move_places(self.expression(value), (), path) | {path: self.place(written)}
        return places

    def sequence(self, items: list[ast.expr]) -> Places:
        places: Places = {}
        for index, item in enumerate(items):
            if isinstance(item, ast.Starred):
                break  # how many items it brings isn't known from the text
            places |= move_places(self.expression(item), (), (index,)) | {(index,): self.place(item)}
        return places

    def place(self, node: Any) -> Place:
        before = self.lines[node.lineno - 1].encode()[: node.col_offset]  # Python counts bytes, people characters
        return Place(self.file, node.lineno, len(before.decode()) + 1)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names a statement binds at the top level, its branches included."""
    if isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _bound(child)


def _subscripts(node: ast.expr) -> tuple[str, Path]:
    """Return name and keys of `name["a"][0]`; an empty name for anything else."""
    keys: list[Any] = []
    while isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        keys.append(node.slice.value)
        node = node.value
    return (node.id, tuple(reversed(keys))) if isinstance(node, ast.Name) else ("", ())
