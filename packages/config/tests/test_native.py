"""A TOML document that is changed keeps its comments and says exactly what the config says."""

import copy
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchalloy.config._native import updated_native
from torchalloy.config._tree import paths
from torchalloy.core import Place

TEXTS = [
    "a = 1  # one\nb.c = 2\nb.d = { x = 1, y = [1, 2] }\n",
    "[a]\nx = 1\n\n[b]\ny = 2  # two\n\n[a.z]\nw = [\n  1, # first\n  2,\n]\n",
    '# head\n[[p]]\ntype = "A"\n# note\n[[p]]\ntype = "B"\n[p.sub]\nq = 1\n[[p.deep]]\nr = 1\n[[p.deep]]\nr = 2\n',
    "p = [\n  { type = 'A', k = 1 }, # A\n  # between\n  { type = 'B' },\n]\n[t]\ns.u.v = 1\ns.u.w = 2\n",
    "[a.b.c]\nx = 1\n[a]\ny = 2\n[a.b.d]\nz = 3\n",
]
SCALARS = st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from("abxyz"), SCALARS, max_size=2)


@settings(deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_a_changed_document_parses_to_the_changed_values(text, data):
    import tomlkit

    values = tomllib.loads(text)
    for _ in range(data.draw(st.integers(0, 4))):
        change(values, data)
    document = tomlkit.parse(text)
    document = updated_native(document, values, Place("x"))
    assert repr(sorted_tree(tomllib.loads(tomlkit.dumps(document)))) == repr(sorted_tree(values))


def change(values, data):
    """Set, add or remove something somewhere in `values`."""
    nodes = [values, *(node for _, node in paths(values) if isinstance(node, dict | list))]
    node = data.draw(st.sampled_from(nodes))
    value = copy.deepcopy(data.draw(VALUES))
    if isinstance(node, dict):
        key = data.draw(st.sampled_from([*node, "new"]))
        if data.draw(st.booleans()) and key in node:
            del node[key]
        else:
            node[key] = value
    elif node and data.draw(st.booleans()):
        del node[data.draw(st.integers(0, len(node) - 1))]
    else:
        node.insert(data.draw(st.integers(0, len(node))), value)


def sorted_tree(node):
    if isinstance(node, dict):
        return {key: sorted_tree(node[key]) for key in sorted(node)}
    return [sorted_tree(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("text", TEXTS)
def test_an_unchanged_document_stays_byte_for_byte(text):
    import tomlkit

    document = tomlkit.parse(text)
    document = updated_native(document, tomllib.loads(text), Place("x"))
    assert tomlkit.dumps(document) == text
