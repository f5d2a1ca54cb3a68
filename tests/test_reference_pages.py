"""The reference pages say what the code says: commands and options, errors, config keys, styles."""

import re
from pathlib import Path

import pytest

import torchalloy.core as core
from torchalloy.cli._table import COMMANDS
from torchalloy.core import AlloyError, Plugins
from torchalloy.registry import import_path
from torchalloy.runtime._settings import KEYS, Settings

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def sections(page: str) -> dict[str, str]:
    """Return the text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", (REFERENCE / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """Return the code in the first cell of each row of a table."""
    return [
        name for row in re.findall(r"^\| (`.+?) \|", text, flags=re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    ]


def test_the_table_of_commands_says_what_the_help_says():
    rows = re.findall(
        r"^\| `alloy (\w+)` \| (.+) \|$", (REFERENCE / "cli.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(name, help_) for _, name, help_, _ in COMMANDS]


@pytest.mark.parametrize(("name", "target"), [(name, target) for _, name, _, target in COMMANDS])
def test_the_page_of_the_command_line_has_every_option_and_no_other(name, target, capsys):
    with pytest.raises(SystemExit):
        import_path(target)(["--help"])
    live = set(re.findall(r"(?<![\w-])--\w+", capsys.readouterr().out.partition("Examples:")[0])) - {"--help"}
    assert set(first_cells(sections("cli.md")[f"alloy {name}"])) == live


def test_the_page_of_errors_has_the_whole_tree():
    tree = {
        name
        for name in core.__all__
        if isinstance(thing := getattr(core, name), type) and issubclass(thing, AlloyError)
    }
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| ", page, flags=re.MULTILINE)) == tree


def test_the_page_of_config_keys_has_every_key_of_the_runtime_with_its_default():
    rows = dict(
        re.findall(r"^\| `([\w.]+)` \| (.+?) \|", sections("config-keys.md")["The runtime's keys"], flags=re.MULTILINE)
    )
    defaults = Settings("")
    nested = {
        f"{group}.{name}": getattr(getattr(defaults, group), name)
        for group in ("save", "log")
        for name in fields(group)
    }
    flat = {key: getattr(defaults, key) for key in KEYS if key not in ("style", "save", "log")}
    expected = {key: written(value) for key, value in {**flat, **nested}.items()}
    assert rows == {"style": "required", **expected}


def fields(group: str) -> list[str]:
    return list(type(getattr(Settings(""), group)).__dataclass_fields__)


def written(value: object) -> str:
    """Return how the page writes a default, in YAML's words."""
    words = {None: "`null`", False: "`false`", (): "`[]`"}
    if isinstance(value, (tuple, type(None), bool)):
        return words.get(value) or f"`[{', '.join(value)}]`"
    return "`{}`" if value == {} else f"`{value}`"


def test_the_page_of_config_keys_has_each_style_with_the_keys_it_reads():
    said = sections("config-keys.md")
    for name, offer in Plugins.installed().styles().items():
        text = said[f"Style `{name}`"]
        if offer.thing.sections is not None:
            assert set(first_cells(text)) >= {key for key in offer.thing.sections if key.islower()}, name
