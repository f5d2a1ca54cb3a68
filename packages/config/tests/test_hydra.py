"""A config folder with a defaults list is composed by Hydra, and every value keeps its file."""

import re
from pathlib import Path

import pytest

from torchalloy.config import load_config
from torchalloy.core import ConfigError

FILES = {
    "config.yaml": """
defaults:
  - model: small
  - optim@solver.optim: adam
  - _self_

style: solver
flag: no
ref: ${model.width}
model:
  depth: 3
""",
    "model/small.yaml": "width: 8\ndepth: 2\n",
    "model/large.yaml": "defaults:\n  - sub: a\nwidth: 80\ndepth: 20\n",
    "model/sub/a.yaml": "q: 1e-3\n",
    "model/glob.yaml": "# @package _global_\nmodel:\n  width: 1\nextra: 2\n",
    "optim/adam.yaml": "kind: adam\nbetas: [0.9, 0.99]\n",
    "optim/sgd.yaml": "kind: sgd\nlr: 1\n",
    "optim/bad.yaml": "kind: sgd\nkind: x\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        file = tmp_path / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip())
    return tmp_path


def test_groups_packages_and_interpolations_are_composed(folder):
    document = load_config("conf/config.yaml")
    assert document.tree == {
        "model": {"width": 8, "depth": 3},
        "solver": {"optim": {"kind": "adam", "betas": [0.9, 0.99]}},
        "style": "solver",
        "flag": "no",
        "ref": 8,
    }
    assert {
        key: str(document.origin(key)) for key in ("model.width", "model.depth", "solver.optim.betas.1", "ref")
    } == {
        "model.width": "conf/model/small.yaml:1:1",
        "model.depth": "conf/config.yaml:10:3",
        "solver.optim.betas.1": "conf/optim/adam.yaml:2:14",
        "ref": "conf/config.yaml:8:1",
    }


def test_choices_go_to_hydra_and_values_follow_in_the_one_grammar(folder):
    document = load_config(
        "conf/config.yaml",
        ["solver.optim.lr=0.1", "model=large", "--model.width=81", "optim@solver.optim=sgd", "seed=1", "+x.y=2"],
    )
    assert document.tree == {
        "model": {"sub": {"q": 0.001}, "width": 81, "depth": 3},
        "solver": {"optim": {"kind": "sgd", "lr": 0.1}},
        "style": "solver",
        "flag": "no",
        "ref": 81,
        "seed": 1,
        "x": {"y": 2},
    }
    assert str(document.origin("model.sub.q")) == "conf/model/sub/a.yaml:1:1"
    assert str(document.origin("model.width")) == "override '--model.width=81'"
    assert {str(source) for source in document.sources} == {
        "conf/config.yaml",
        "conf/model/large.yaml",
        "conf/model/sub/a.yaml",
        "conf/optim/sgd.yaml",
    }


def test_a_package_header_places_values_where_they_land(folder):
    document = load_config("conf/config.yaml", ["model=glob"])
    assert document.tree["extra"] == 2
    assert str(document.origin("extra")) == "conf/model/glob.yaml:4:1"
    assert str(document.origin("model.width")) == "conf/model/glob.yaml:3:3"


def test_copied_sources_compose_to_the_same_config(folder):
    document = load_config("conf/config.yaml", ["model=large"])
    copies = document.copy_sources("run")
    assert copies[0] == Path("run/config.yaml")
    assert load_config(copies[0], ["model=large"]).tree == document.tree


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=lrge", "config group 'model' has no choice 'lrge'; did you mean 'large'? Known: glob, large, small"),
        ("modle=large", "no key 'modle'; did you mean 'model'? '+modle=large' would add it."),
        ("+optin/x=3", "no config group 'optin/x'; "),
        ("optm@solver.optim=sgd", "no config group 'optm'; did you mean 'optim'? Known: model, model/sub, optim"),
        ("++model=large", "Hydra can't compose this: force-add of config groups is not supported"),
        ("hydra.run.dir=x", "settings of Hydra itself do nothing here"),
    ],
)
def test_a_wrong_choice_says_what_would_work(folder, override, message):
    with pytest.raises(ConfigError) as caught:
        load_config("conf/config.yaml", [override])
    assert str(caught.value).startswith(f"override {override!r}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "defaults:\n- model: smal\n",
            "conf/config.yaml:2:3: key 'defaults.0': config group 'model' has no choice 'smal'; did",
        ),
        (
            "defaults:\n- modle: small\n",
            "conf/config.yaml:2:3: key 'defaults.0': no config group 'modle'; did you mean 'model'",
        ),
        ("defaults:\n- confg\n", "conf/config.yaml:2:3: key 'defaults.0': no config 'confg'; did you mean 'config'?"),
        ("defaults: [1]\n", "conf/config.yaml: Hydra can't compose this: "),
        (
            "defaults:\n- optim: bad\n",
            "conf/optim/bad.yaml:2:1: key 'kind' is written twice; the first one is at line 1",
        ),
        ("defaults: [_self_]\na: ${b\n", "conf/config.yaml:2:1: key 'a': interpolation '${b': "),
    ],
)
def test_a_wrong_defaults_list_says_where(folder, text, message):
    Path("conf/config.yaml").write_text(text)
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        load_config("conf/config.yaml")


def test_composing_leaves_hydra_as_it_was(folder):
    from hydra import version
    from hydra._internal.sources_registry import SourcesRegistry
    from hydra.core.global_hydra import GlobalHydra

    load_config("conf/config.yaml")
    assert not GlobalHydra.instance().is_initialized()
    assert SourcesRegistry.instance().types["file"].__name__ == "FileConfigSource"
    version.setbase("1.2")
    load_config("conf/config.yaml", ["model=large"])
    assert str(version.getbase()) == "1.2"
