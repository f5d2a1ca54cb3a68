"""What each format says, where each value is, and that trees survive being written and read."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import torchalloy.config
from torchalloy.config import document_from_tree, load_config
from torchalloy.config._plugin import alloy_config_loaders
from torchalloy.config._toml import read_toml
from torchalloy.config._yaml import parse_yaml

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(
        ["no", "on", "1e-3", "0o7", "12:30", "2001-01-01", "<<", "=", "~", "", "${a}", "\\${a}", "${", "x\\"]
    )
).filter(lambda value: value != "???")
TREES = st.dictionaries(
    st.text(min_size=1) | st.integers(),
    st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
    max_size=5,
)


@settings(deadline=None)
@given(TREES)
def test_any_tree_written_as_yaml_loads_equal(tmp_path_factory, tree):
    from torchalloy.config import ConfigDocument

    file = tmp_path_factory.mktemp("tree") / "a.yaml"
    tree = {key: value for key, value in tree.items() if key not in ("_base_", "defaults")}
    text = ConfigDocument(tree, "x").to_yaml()
    file.write_bytes(text.encode())
    loaded = load_config(file)
    assert repr(loaded.tree) == repr(tree)
    assert loaded.to_yaml() == text


@settings(deadline=None)
@given(TREES)
def test_omegaconf_reads_what_the_tree_says(tree):
    from omegaconf import OmegaConf

    from torchalloy.config import ConfigDocument

    assert OmegaConf.to_container(ConfigDocument(tree, "x").to_omegaconf(), resolve=True) == tree


KEYS = st.text(min_size=1, alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=4)
TOML_TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | KEYS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
).filter(lambda tree: "_base_" not in tree)


@settings(deadline=None)
@given(TOML_TREES)
def test_every_key_of_a_toml_file_is_placed_on_its_own_text(tmp_path_factory, tree):
    import tomlkit

    from torchalloy.config._tree import paths

    file = tmp_path_factory.mktemp("toml") / "a.toml"
    file.write_bytes(tomlkit.dumps(tree).encode())
    layer = read_toml(file)
    assert layer.values == layer.native.unwrap() == tree
    assert {path for path, _ in paths(tree)} == set(layer.places)


def test_yaml_follows_the_rules_of_1_2():
    text = (
        "a: [no, on, YES, off, y]\nb: [true, False, ~, null, '']\n"
        "c: [1e-3, 010, 0o17, 0x1F, 1_000, 12:30, 2001-01-01]\nd: [.5, 1., -.inf, +3, -1e5, '1']\n"
    )
    values, _ = parse_yaml(text, Path("a.yaml"))
    assert repr(list(values.values())) == repr(
        [
            ["no", "on", "YES", "off", "y"],
            [True, False, None, None, ""],
            [0.001, 10, 15, 31, 1000, "12:30", "2001-01-01"],
            [0.5, 1.0, float("-inf"), 3, -100000.0, "1"],
        ]
    )


def test_yaml_merge_keys_and_anchors_keep_the_place_of_the_text():
    values, places = parse_yaml("a: &x\n  q: 1\n  r: 2\nb:\n  <<: *x\n  q: 3\n", Path("a.yaml"))
    assert values["b"] == {"q": 3, "r": 2}
    assert (str(places["b", "q"]), str(places["b", "r"])) == ("a.yaml:6:3", "a.yaml:3:3")


def test_an_empty_file_is_an_empty_config(tmp_path):
    for name in ("a.yaml", "a.toml", "a.py"):
        (tmp_path / name).write_text("# nothing\n")
        assert load_config(tmp_path / name).tree == {}


PLACED = {
    "a.yaml": ("top: 1\nmodel:\n  layers:\n    - width: 3\n    - {width: 4}\n", "4:7", "5:8"),
    "a.toml": ("top = 1\n[model]\n[[model.layers]]\nwidth = 3\n[[model.layers]]\n  width = 4\n", "4:1", "6:3"),
    "b.toml": ("top = 1\nmodel = { layers = [{ width = 3 }, # c ]\n  { width = 4 }] }\n", "2:23", "3:5"),
    "c.toml": ('top = """\n[model]\n"""\nmodel."layers" = [{width=3},\n{width=4}]\n', "4:20", "5:2"),
    "a.py": ("top = 1\nmodel = dict(layers=[dict(width=3),\n  {'width': 4}])\n", "2:27", "3:4"),
    "b.py": ("top = 1\nfirst = dict(width=3)\nmodel: dict = {'layers': [first, dict(\n  width=4)]}\n", "2:14", "4:3"),
}


@pytest.mark.parametrize("name", PLACED)
def test_every_format_knows_line_and_column(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, first, second = PLACED[name]
    Path(name).write_text(text)
    document = load_config(name)
    assert [layer["width"] for layer in document.tree["model"]["layers"]] == [3, 4]
    assert str(document.origin("top")) == f"{name}:1:1"
    assert str(document.origin("model.layers.0.width")) == f"{name}:{first}"
    assert str(document.origin("model.layers.1.width")) == f"{name}:{second}"
    assert str(document.origin("model.layers.1.width.more")) == f"{name}:{second}"


def test_a_python_config_gives_its_values_only(tmp_path):
    (tmp_path / "a.py").write_text(
        "import os\nfrom dataclasses import dataclass\n_private = 1\nMODEL = dict(T_max=(1, None))\n"
        "@dataclass\nclass Helper:\n    x: int = 3\ndef make(): return {'k': Helper().x}\nmade = make()\n"
        "here = os.path.basename(__file__)\nif made:\n    branch = 1\nmade['new'] = 2\n"
    )
    document = load_config(tmp_path / "a.py")
    assert document.tree == {"MODEL": {"T_max": (1, None)}, "made": {"k": 3, "new": 2}, "here": "a.py", "branch": 1}
    assert [document.origin(key).line for key in ("branch", "made.k", "made.new")] == [11, 9, 13]


def test_bases_are_merged_by_trainframeworks_rules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("sub/one.py").write_text(
        "solver = dict(optimizer=dict(type='Adam', lr=1, betas=[1]), lr_scheduler=dict(type='X', a=1))\n"
        "trainer = dict(a=1, b=dict(c=[1, 2]))\n"
    )
    Path("sub/two.yaml").write_text("trainer: {b: {c: [1, 2], d: 4}}\n")
    Path("mid.py").write_text("_base_ = ['sub/one.py', 'sub/two.yaml']\ntrainer = dict(b=dict(c=[7]))\n")
    Path("top.yaml").write_text("_base_: mid.py\nsolver:\n  optimizer: {type: SGD}\n  lr_scheduler: {type: X, b: 2}\n")
    document = load_config("top.yaml")
    assert document.tree == {
        "solver": {"optimizer": {"type": "SGD"}, "lr_scheduler": {"type": "X", "a": 1, "b": 2}},
        "trainer": {"b": {"c": [7], "d": 4}},
    }
    assert str(document.origin("solver.lr_scheduler.a")) == "sub/one.py:1:89"
    assert str(document.origin("solver.optimizer.lr")) == "top.yaml:3:3"
    assert str(document.origin("trainer.b.c.1")) == "mid.py:2:23"
    assert str(document.origin("trainer.b.d")) == "sub/two.yaml:1:26"
    assert [str(source) for source in document.sources] == ["top.yaml", "mid.py", "sub/one.py", "sub/two.yaml"]


def test_copied_sources_load_to_the_same_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("exp").mkdir()
    Path("base.py").write_text("a = dict(x=1)\n")
    Path("exp/top.yaml").write_text("_base_: ../base.py\na: {y: 2}  # kept\n")
    document = load_config("exp/top.yaml")
    copies = document.copy_sources("run/config")
    assert copies == (Path("run/config/exp/top.yaml"), Path("run/config/base.py"))
    assert copies[0].read_bytes() == Path("exp/top.yaml").read_bytes()
    assert load_config(copies[0]).tree == document.tree


def test_interpolation_reaches_keys_lists_and_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLOY_TEST_ROOT", "/data")
    tree = {
        "a": [1, {"b": 2.5}],
        "c": "${a.1.b}",
        "d": "${oc.env:ALLOY_TEST_ROOT}/x",
        "e": "${a}",
        "f": r"\${a}",
        "t": (1,),
    }
    assert document_from_tree(tree).tree == tree | {"c": 2.5, "d": "/data/x", "e": [1, {"b": 2.5}], "f": "${a}"}


def test_a_strangers_loader_is_used_for_its_suffix(tmp_path):
    from torchalloy.core import Layer

    class Lines:
        name = "lines"
        suffixes = (".lines",)

        def read(self, path, overrides=(), /):
            return Layer(dict(line.split("=") for line in path.read_text().split()), {}, (path,)), overrides

    (tmp_path / "a.lines").write_text("a=1 b=2")
    document = load_config(tmp_path / "a.lines", ["b=3"], loaders=[Lines()])
    assert document.tree == {"a": "1", "b": 3}


def test_the_plugin_offers_every_loader():
    assert {loader.name: loader.suffixes for loader in alloy_config_loaders()} == {
        "yaml": (".yaml", ".yml"),
        "toml": (".toml",),
        "python": (".py",),
    }


def test_the_face_is_sorted_and_whole():
    assert torchalloy.config.__all__ == sorted(torchalloy.config.__all__)
    assert all(hasattr(torchalloy.config, name) for name in torchalloy.config.__all__)


def test_importing_brings_nothing_heavy_and_a_plain_yaml_no_hydra(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\n")
    code = (
        "import sys, torchalloy.config, torchalloy.config._plugin\n"
        "heavy = {'torch', 'hydra', 'omegaconf', 'tomlkit', 'yaml', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"torchalloy.config.load_config({str(tmp_path / 'a.yaml')!r})\n"
        "assert heavy & set(sys.modules) == {'yaml'}, heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```python\n")[1:]]
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
