"""Every mistake in a config ends in one message with its place and the nearest right name."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchalloy.config import ConfigDocument, document_from_tree, join_problems, load_config
from torchalloy.core import ConfigError, Place

BROKEN_FILES = [
    (
        "a.yaml",
        "a: [1,\nb: 2\n",
        "a.yaml:3:1: broken YAML: did not find expected ',' or ']' while parsing a flow sequence that begins at line 1",
    ),
    ("a.yaml", "a: 1\n b: 2\n", "a.yaml:2:3: broken YAML: mapping values are not allowed"),
    ("a.yaml", "lr: 1\nseed: 2\nlr: 3\n", "a.yaml:3:1: key 'lr' is written twice; the first one is at line 1"),
    ("a.yaml", "m:\n  a: 1\n  a: 2\n", "a.yaml:3:3: key 'a' is written twice; the first one is at line 2"),
    ("a.yaml", "- 1\n", "a.yaml:1:1: the top level is a list; a config is keys with values"),
    ("a.yaml", "a: !py 1\n", "a.yaml:1:4: tag '!py' isn't known here; known: !!bool, !!float"),
    ("a.yaml", "a: !py [1]\n", "a.yaml:1:4: tag '!py' isn't known here"),
    ("a.yaml", "a: *b\n", "a.yaml:1:4: no '&b' is complete before this alias '*b'"),
    ("a.yaml", "a: &b [*b]\n", "a.yaml:1:8: no '&b' is complete"),
    ("a.yaml", "a: " + "[" * 100_000, "a.yaml:1:104: nested more than 100 deep"),
    ("a.yaml", "a: 1\n---\nb: 1\n", "a.yaml:2:1: a second YAML document starts here"),
    ("a.yaml", "b: 1\na: x\x01\n", "a.yaml:2:5: broken YAML: character U+0001 isn't allowed"),
    ("a.yaml", "? [1]\n: 2\n", "a.yaml:1:3: a key must be text or a number"),
    ("a.yaml", b"a: 1\nb: \xff\n", "a.yaml:2:4: byte 0xff isn't UTF-8"),
    ("a.yaml", "a: 1\nb: ${c.d}\nc: {e: 1}\n", "a.yaml:2:1: key 'b': interpolation of 'c.d', which isn't there"),
    ("a.yaml", "b: ${ab\n", "a.yaml:1:1: key 'b': interpolation '${ab': "),
    ("a.yaml", "a: ${b}\nb: ${a}\n", "a.yaml:1:1: key 'a': can't be resolved: Recursive interpolation"),
    ("a.yaml", "a: {b: '${oc.env:ALLOY_NOT_SET}'}\n", "a.yaml:1:5: key 'a.b': can't be resolved: KeyError"),
    ("a.yaml", "a:\n  b: ???\n", "a.yaml:2:3: key 'a.b': is '???' and must be given; 'a.b=...' gives it"),
    ("a.yaml", "_base_: 3\n", "a.yaml:1:1: key '_base_': is 3; it takes a path or a list of paths"),
    ("a.yaml", "x: 1\n_base_: commn.yaml\n", "a.yaml:2:1: key '_base_': no file 'commn.yaml'"),
    ("a.yaml", "_base_: a.yaml\n", "a.yaml:1:1: key '_base_': the bases go round in a circle: "),
    ("a.yaml", "_base_: x.toml\n", "a.yaml:1:1: key '_base_': 'x.toml' has no suffix of a base"),
    (
        "a.yaml",
        "_base_: common.yaml\ndefaults: [x]\n",
        "a.yaml:2:1: key 'defaults': a Hydra defaults list and '_base_'",
    ),
    ("a.toml", "a = 1\nb = \n", "a.toml:2:5: broken TOML: invalid value"),
    ("a.toml", "a = 1\nb = 2\na = 3\n", "a.toml:3:1: key 'a' is written twice; the first one is at line 1"),
    ("a.toml", "[m]\nx = 1\n[m]\ny = 2\n", "a.toml:3:1: key 'm' is written twice; the first one is at line 1"),
    ("a.toml", "x = {a = 1, a = 2}\n", "a.toml:1:13: key 'x.a' is written twice; the first one is at line 1"),
    ("a.toml", "a = " + "[" * 100_000, "a.toml: broken TOML: nested too deeply"),
    ("a.toml", "_base_ = 'b.toml'\n", "a.toml:1:1: key '_base_': a TOML config has no bases"),
    ("a.toml", "[m]\nb = '${c}'\n", "a.toml:2:1: key 'm.b': interpolation of 'c', which isn't there"),
    ("a.py", "a = 1\nb = (\n", "a.py:2:5: broken Python: '(' was never closed"),
    ("a.py", "a = dict(x=1, x=2)\n", "a.py:1:15: broken Python: keyword argument repeated: x"),
    ("a.py", "a = {'x': 1,\n     'x': 2}\n", "a.py:2:6: key 'x' is written twice; the first one is at line 1"),
    ("a.py", "def f():\n    raise ValueError('no way')\na = f()\n", "a.py:2:5: this config raises ValueError: no way"),
    (
        "a.py",
        "import nowhere_at_all\n",
        "a.py:1:1: this config raises ModuleNotFoundError: No module named 'nowhere_at",
    ),
    ("a.py", "raise SystemExit(3)\n", "a.py:1:1: this config raises SystemExit: 3"),
    ("a.py", "é = 1; a = dict(k=object())\n", "a.py:1:17: key 'a.k': an object of type 'object' isn't a config value"),
    ("a.py", "a = []\na.append(a)\n", "a.py:1:1: key 'a.0': contains itself"),
    ("a.py", "a = 1\n_base_ = ['x.py']\n", "a.py:2:1: key '_base_': no file 'x.py'"),
    ("a.ini", "a=1\n", "a.ini: no config loader for suffix '.ini'; Known: .py, .toml, .yaml, .yml"),
]


@pytest.mark.parametrize(("name", "text", "message"), BROKEN_FILES)
def test_a_broken_file_says_where_and_what(name, text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "common.yaml").write_text("c: 1\n")
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(name)
    assert str(caught.value).startswith(message)


def test_a_near_name_is_offered_for_a_base_and_an_interpolation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "common.yaml").write_text("optimizer: {lr: 1}\n")
    (tmp_path / "a.yaml").write_text("_base_: commn.yaml\n")
    with pytest.raises(ConfigError, match=re.escape("did you mean 'common.yaml'?")):
        load_config("a.yaml")
    (tmp_path / "b.yaml").write_text("_base_: common.yaml\nx: ${optimizer.rl}\n")
    with pytest.raises(ConfigError, match=re.escape("b.yaml:2:1: key 'x': ") + ".*did you mean 'optimizer.lr'"):
        load_config("b.yaml")


PIECES = st.lists(
    st.sampled_from(
        ["a", "b", "1", ".5", "e", "0x", ":", ": ", "- ", "\n", "  ", "=", "[", "]", "{", "}", ",", '"', "'", "#"]
    )
    | st.sampled_from(["${", "}", "&a ", "*a", "<<", "!", "!!int ", "|", ">", "~", "?", "%", "+", "@", "(", ")", "\\"])
    | st.characters(codec="utf-8"),
    max_size=25,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["a.yaml", "a.toml"]), PIECES)  # random Python is not for running
def test_any_text_is_a_config_or_a_config_error(tmp_path_factory, name, text):
    file = tmp_path_factory.mktemp("fuzz") / name
    file.write_bytes(text.encode())
    error = error_of(lambda: load_config(file))
    assert error is None or error.startswith(str(file))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["", "+", "++", "~", "--", "a.b=", "+c.d=", "l.1=", "~l.0"]), PIECES)
def test_any_override_changes_a_config_or_is_a_config_error(sign, text):
    tree = {"a": {"b": 1, "c": None}, "l": [1, {"a": 2}], "b": "${a.b}"}
    error = error_of(lambda: document_from_tree(tree, "x", [sign + text]))
    assert error is None or error.startswith(("override ", "x: "))


def error_of(load):
    """Return what the ConfigError of loading says, None if there is none; any other exception fails the test."""
    try:
        load()
    except ConfigError as error:
        return str(error)


def test_aliases_that_multiply_without_end_are_stopped():
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
    )
    from pathlib import Path

    from torchalloy.config._yaml import parse_yaml

    with pytest.raises(ConfigError, match="aliases expand to more than"):
        parse_yaml(bomb, Path("bomb.yaml"))


def test_all_problems_of_a_kind_are_reported_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("a: 1\na: 2\nb: ${x}\nb: 3\n")
    with pytest.raises(ConfigError) as caught:
        load_config("a.yaml")
    assert str(caught.value).splitlines() == [
        "a.yaml:2:1: key 'a' is written twice; the first one is at line 1",
        "a.yaml:4:1: key 'b' is written twice; the first one is at line 3",
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("configs/digts.yaml", "configs/digts.yaml: no such config file; did you mean 'configs/digits.yaml'?"),
        (
            "confgs/digits.yaml",
            "confgs/digits.yaml: no such file, nor is there a folder 'confgs'; did you mean 'configs'",
        ),
        ("configs", "configs: is a folder; name a config file in it. Known: configs/digits.yaml"),
    ],
)
def test_a_missing_file_names_the_nearest_one(asked, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "digits.yaml").write_text("a: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_config(asked)
    assert str(caught.value).startswith(message)


def test_problem_names_file_line_column_and_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("model:\n  layers:\n  - {width: 3}\n")
    document = load_config("a.yaml", ["+model.depth=x"])
    assert str(document.problem("model.layers.0.width", "too thin")) == (
        "a.yaml:3:6: key 'model.layers.0.width': too thin"
    )
    assert str(document.problem("model.gone", "missing")) == "a.yaml:1:1: key 'model.gone': missing"
    assert str(document.problem("model.depth", "text")) == "override '+model.depth=x': key 'model.depth': text"
    assert document.origin("nowhere") == document.origin() == Place("a.yaml")


def test_unknown_keys_are_told_with_the_nearest_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("style: x\nsaev: {every: 1}\nlog: {evry: 2}\n")
    document = load_config("a.yaml")
    problems = document.unknown_keys(["style", "save", "log"]) + document.unknown_keys(["every"], at="log")
    assert str(join_problems(problems)).splitlines() == [
        "a.yaml:2:1: key 'saev': nothing reads this key; did you mean 'save'? Known: log, save, style",
        "a.yaml:3:7: key 'log.evry': nothing reads this key; did you mean 'every'? Known: every",
    ]
    assert document.unknown_keys(["every"], at="nowhere") == []


def test_a_document_made_in_python_names_itself_in_errors():
    document = document_from_tree({"a": {"b": (1, None)}, "c": "${a.b.0}"}, "my config", ["seed=3"])
    assert isinstance(document, ConfigDocument)
    assert document.tree == {"a": {"b": (1, None)}, "c": 1, "seed": 3}
    assert str(document.problem("a.b", "no")) == "my config: key 'a.b': no"
    with pytest.raises(ConfigError, match="my config: key 'a': an object of type 'object'"):
        document_from_tree({"a": object()}, "my config")
