"""Overrides follow one grammar and give one tree, whatever the config was written in."""

import pytest

from torchalloy.config import load_config
from torchalloy.core import ConfigError

TEXTS = {
    "a.yaml": """
style: trainer
optimizer:
  name: adam
  lr: 0.001
  betas: [0.9, 0.999]
plugins:
- {type: A, seed: 1}
- {type: B}
- {type: C, deep: {x: [1, 2]}}
ref: ${optimizer.lr}
""",
    "a.toml": """
style = "trainer"
ref = "${optimizer.lr}"
[optimizer]
name = "adam"  # the usual
lr = 1e-3
betas = [0.9, 0.999]
[[plugins]]
type = "A"
seed = 1
[[plugins]]
type = "B"  # the second plugin
[[plugins]]
type = "C"
deep = { x = [1, 2] }
""",
    "a.py": """
style = "trainer"
optimizer = dict(name="adam", lr=1e-3, betas=[0.9, 0.999])
plugins = [dict(type="A", seed=1), {"type": "B"}, {"type": "C", "deep": {"x": [1, 2]}}]
ref = "${optimizer.lr}"
""",
}

OVERRIDES = [
    [],
    ["optimizer.lr=0.5", "seed=3"],
    ["--optimizer.lr=1e-3", "++optimizer.extra=null", "+deep.er.still=[1,{a: b}]"],
    ["plugins.0.seed=3", "plugins.2.deep.x.1=7", "~plugins.1", "+plugins.2={type: 'D, E', on: no}"],
    ["optimizer={lr: 2, betas: [1]}", "~optimizer.name=adam", "style='a: b = c'"],
    ["ref='x ${optimizer.name}'", "plugins=[]", "optimizer.betas.0=true", "name=1_000"],
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text.lstrip())
    return tmp_path


@pytest.mark.parametrize("overrides", OVERRIDES)
def test_the_three_formats_give_the_same_tree(folder, overrides):
    trees = [load_config(name, overrides).tree for name in TEXTS]
    assert trees[0] == trees[1] == trees[2]
    assert repr(sorted(trees[0].items())) == repr(sorted(trees[1].items()))  # 1, 1.0 and True apart


def test_values_keep_their_types(folder):
    changes = ["i=1", "f=1.0", "e=1e-3", "t=true", "n=null", "s='1'", "w=no", "l=[1,a,{}]", "d={a: 1}"]
    tree = load_config("a.toml", ["+" + change for change in changes]).tree
    assert (
        repr([tree[change[0]] for change in changes])
        == "[1, 1.0, 0.001, True, None, '1', 'no', [1, 'a', {}], {'a': 1}]"
    )


def test_origins_follow_overrides_and_removed_items(folder):
    document = load_config("a.yaml", ["optimizer.lr=3", "~plugins.0", "+plugins.2.type=D"])
    assert str(document.origin("optimizer.lr")) == "override 'optimizer.lr=3'"
    assert str(document.origin("optimizer.name")) == "a.yaml:3:3"
    assert [str(document.origin(f"plugins.{index}.type")) for index in range(3)] == [
        "a.yaml:8:4",
        "a.yaml:9:4",
        "override '+plugins.2.type=D'",
    ]
    assert str(document.origin("plugins.1.deep.x.1")) == "a.yaml:9:27"
    assert str(document.origin("ref")) == "a.yaml:10:1"


def test_the_native_document_keeps_its_comments_and_says_what_the_tree_says(folder):
    import tomlkit

    document = load_config("a.toml", ["optimizer.lr=0.5", "~plugins.0", "+gone=null", "+optimizer.new={a: [1]}"])
    text = tomlkit.dumps(document.native)
    assert 'name = "adam"  # the usual' in text
    assert "# the second plugin" in text
    without_none = {key: value for key, value in document.tree.items() if value is not None}
    assert document.native.unwrap() == tomlkit.parse(text).unwrap() == without_none
    assert without_none["ref"] == 0.5


def test_a_null_inside_a_list_is_refused_for_toml(folder):
    with pytest.raises(ConfigError, match="^a.toml: TOML can't hold a value of this config: .* list with None in it"):
        load_config("a.toml", ["optimizer.betas=[1,null]"])


WRONG = [
    (
        "optimizer.lt=1",
        "no key 'optimizer.lt'; did you mean 'optimizer.lr'? '+optimizer.lt=1' would add it. "
        "Keys of 'optimizer': betas, lr, name",
    ),
    ("--optimizer.lt=1", "no key 'optimizer.lt'; did you mean 'optimizer.lr'? '+optimizer.lt=1' would add it."),
    ("lr=1", "no key 'lr'; did you mean 'optimizer.lr'?"),
    ("~optimizer.nam", "no key 'optimizer.nam'; did you mean 'optimizer.name'? Keys of 'optimizer': betas, lr, name"),
    ("+optimizer.lr=1", "key 'optimizer.lr' is there already; 'optimizer.lr=1' would change it"),
    ("~style=x", "'style' is 'trainer', so nothing was removed"),
    ("style.x=1", "'style' is 'trainer', which has no keys"),
    ("+plugins.7.x=1", "'plugins' has 3 items, 0 to 2; '+plugins.3=...' adds one"),
    ("plugins.3.x=1", "'plugins' has 3 items, 0 to 2; '+plugins.3=...' adds one"),
    ("optimizer.betas.9=1", "'optimizer.betas' has 2 items, 0 to 1; '+optimizer.betas.2=...' adds one"),
    ("style=a,b", "gives several values, and one run takes one; a list is written [a,b], text 'a,b'"),
    ("style=choice(a,b)", "gives several values, and one run takes one"),
    ("style", "missing EQUAL at '<EOF>'; an override is key=value, +key=value, ++key=value or ~key"),
    ("=1", "has no key; an override is key=value"),
    ("style=[1", "no viable alternative at input '[1'; an override is"),
    ("db/engine=x", "chooses from a config group, which only a Hydra config folder has"),
    ("model@x=y", "chooses from a config group, which only a Hydra config folder has"),
]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("override", "message"), WRONG)
def test_a_wrong_override_says_what_would_work(folder, name, override, message):
    with pytest.raises(ConfigError) as caught:
        load_config(name, [override])
    assert str(caught.value).startswith(f"override {override!r}: {message}")


def test_all_wrong_overrides_are_reported_at_once(folder):
    with pytest.raises(ConfigError) as caught:
        load_config("a.yaml", ["lr=1", "seed=1", "styl=2"])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "override 'lr=1'",
        "override 'styl=2'",
    ]


def test_a_bad_interpolation_in_an_override_names_the_override(folder):
    with pytest.raises(ConfigError, match=r"^override 'ref=\$\{optimizer.rl\}': key 'ref': interpolation of"):
        load_config("a.py", ["ref=${optimizer.rl}"])


def test_only_addable_keys_may_be_given_without_a_plus(folder):
    assert load_config("a.yaml", ["save.every_steps=3"], addable=["save"]).tree["save"] == {"every_steps": 3}
    with pytest.raises(ConfigError, match="no key 'seed'"):
        load_config("a.yaml", ["seed=3"], addable=["save"])


def test_tuples_of_a_python_config_can_be_reached_into(folder):
    (folder / "t.py").write_text("betas = (0.9, 0.99)\nd = dict(t=(1, 2, 3))\n")
    assert load_config("t.py", ["betas.1=0.5", "~d.t.0", "+d.t.2=9"]).tree == {
        "betas": (0.9, 0.5),
        "d": {"t": (2, 3, 9)},
    }
