from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchalloy.adapters.alchemy.util.sym import MissingKey, NoFrame, SymbolTbl, new_scope, sym_tbl
from torchalloy.core import AlloyError


@pytest.fixture
def table():
    return SymbolTbl()


def test_a_global_is_overwritten_unless_tried(table):
    table.set_global("seed", 1)
    table.set_global("seed", 2)
    assert not table.try_set_global("seed", 3)
    assert table.try_set_global("other", 4)
    assert (table.get_global("seed"), table["other"], table.contains_global("seed")) == (2, 4, True)
    assert table.pop_global("seed") == 2
    assert table.try_pop_global("seed", 5) == 5
    assert table.try_get_global("seed") is None


def test_a_missing_global_is_told_with_the_nearest_one(table):
    table.set_global("summary_writer", 1)
    with pytest.raises(MissingKey, match="did you mean 'summary_writer'"):
        table.get_global("sumary_writer")
    assert issubclass(MissingKey, RuntimeError)
    assert issubclass(MissingKey, AlloyError)


@pytest.mark.parametrize("access", ["set", "try_set", "force_set", "pop", "try_pop", "contains"])
def test_local_symbols_need_a_scope(table, access):
    arguments = ("k", 1) if "set" in access else ("k",)
    with pytest.raises(NoFrame):
        getattr(table, access)(*arguments)


def test_reading_needs_no_scope(table):
    table.set_global("k", 1)
    assert table.get("k") == 1
    assert "k" in table
    assert "other" not in table
    assert table.try_get("other", 2) == 2


def test_only_the_top_frame_is_seen(table):
    table.set_global("shared", 0)
    with table.scope():
        table.set("outer", 1)
        with table.scope():
            assert "outer" not in table
            assert table.get("shared") == 0
            table.set("shared", 9)
            assert table["shared"] == 9
        assert table.get("outer") == 1
        assert table.get("shared") == 0


def test_set_refuses_what_force_set_overwrites(table):
    with table.scope():
        table.set("k", 1)
        with pytest.raises(RuntimeError, match="force_set"):
            table.set("k", 2)
        assert not table.try_set("k", 2)
        table.force_set("k", 3)
        assert table.pop("k") == 3
        assert table.try_pop("k", 4) == 4
        assert not table.contains("k")


def test_the_record_folder_is_one_value_with_two_names(table):
    assert table.record_dir is None
    assert not table.contains_global("record_dir")
    table.record_dir = Path("a")
    assert table.get_global("record_dir") == Path("a")
    table.set_global("record_dir", Path("b"))
    assert table.record_dir == Path("b")


def test_reset_keeps_only_the_registry(table):
    table.registry[int] = {"a": int}
    table.optimizer, table.cfg, table.model = "adam", {"a": 1}, "net"
    table.set_global("k", 1)
    assert table.optim == "adam"
    table.reset()
    assert table.registry == {int: {"a": int}}
    assert (table.optim, table.cfg, table.model, table.plugins, table.task) == (None, {}, None, [], None)
    assert not table.contains_global("k")


def test_there_is_one_table_in_a_process():
    assert sym_tbl() is sym_tbl()
    with new_scope():
        sym_tbl().set("k", 1)
    with pytest.raises(NoFrame):
        sym_tbl().contains("k")


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers()), max_size=4))
def test_scopes_leave_what_was_below_them_as_it_was(frames):
    table = SymbolTbl()

    def nest(depth):
        if depth == len(frames):
            return
        with table.scope():
            for key, value in frames[depth].items():
                table.set(key, value)
            nest(depth + 1)
            assert {key: table.try_get(key) for key in frames[depth]} == frames[depth]

    nest(0)
    with pytest.raises(NoFrame):
        table.set("a", 1)
