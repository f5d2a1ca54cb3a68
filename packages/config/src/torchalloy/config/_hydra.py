"""Compose a Hydra config folder: a primary file with a `defaults` list, and groups in folders beside it.

Hydra composes; the files are read by our own YAML rules, which also tell where every value was written.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from hydra import compose, initialize_config_dir, version
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import MissingConfigException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import OmegaConf

from torchalloy.config._interpolation import check_interpolations
from torchalloy.config._overrides import Override, parse_overrides
from torchalloy.config._problems import key_problem, problem_at, raise_all, read_text
from torchalloy.config._tree import Path, Places, paths, under
from torchalloy.config._yaml import parse_yaml
from torchalloy.core import ConfigError, Layer, Place, did_you_mean

__all__ = ["is_primary", "read_hydra"]

VERSION_BASE = "1.3"
DEFAULTS = "defaults"


def is_primary(values: Mapping[Any, Any]) -> bool:
    """Whether a YAML file is the primary file of a Hydra config folder: it has a `defaults` list."""
    return isinstance(values.get(DEFAULTS), list)


def read_hydra(path: FilePath, overrides: Sequence[str]) -> tuple[Layer, list[str]]:
    """Compose the folder of the primary file `path`; return the layer and the overrides that are no group choices.

    Raises: ConfigError: a group or a choice that isn't there, a broken file, anything Hydra can't compose.
    """
    parsed = parse_overrides(overrides)
    reads: dict[FilePath, _Read] = {}
    with _our_rules(path, reads):
        loader = _loader()
        groups = _groups_below(loader, path) if parsed else set()
        chosen = [override for override in parsed if _is_for_hydra(override, groups)]
        raise_all(_refusals(chosen, groups))
        texts = [override.text.removeprefix("--") for override in chosen]
        try:
            composed: Any = OmegaConf.to_container(compose(path.stem, texts), resolve=False)
            used = loader.compute_defaults_list(path.stem, texts, RunMode.RUN).defaults
        except ConfigError:
            raise
        except Exception as error:  # Hydra raises errors of many types, bare ValueError and AssertionError among them
            raise _explained(error, path, reads, chosen) from error
    assert isinstance(composed, dict), "the primary file is a mapping"
    places = _places(path, reads, used, composed)
    rest = [override.text for override in parsed if override not in chosen]
    return Layer(composed, places, (path, *(file for file in reads if file != path))), rest


def _loader() -> Any:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None, "initialize_config_dir just made it"
    return hydra.config_loader


def _groups_below(loader: Any, path: FilePath) -> set[str]:
    """Return the config groups of all sources, those in groups too: {"model", "db", "db/engine"}."""
    groups: set[str] = set()
    new = [""]
    while new:
        parent = new.pop()
        inside = loader.get_group_options(parent, ObjectType.GROUP, path.stem, [])
        found = {f"{parent}/{name}" if parent else name for name in inside} - groups - {"hydra"}
        groups |= found
        new += found
    return groups


def _is_for_hydra(override: Override, groups: set[str]) -> bool:
    names_group = override.key in groups and not isinstance(override.value, dict)  # a dict is content, not a choice
    return override.is_group or override.parts[0] == "hydra" or names_group


def _refusals(chosen: Sequence[Override], groups: set[str]) -> Iterator[ConfigError]:
    for override in chosen:
        if override.parts[0].partition("/")[0] == "hydra" and override.parts != ("hydra", "searchpath"):
            yield problem_at(override.place, "settings of Hydra itself do nothing here: torchalloy launches and logs")
        elif override.is_group and override.key not in groups:
            yield problem_at(override.place, f"no config group {override.key!r}; {did_you_mean(override.key, groups)}")


@dataclass
class _Read:
    """What one file of the folder says."""

    values: dict[Any, Any]
    places: Places = field(default_factory=dict)


@contextmanager
def _our_rules(path: FilePath, reads: dict[FilePath, _Read]) -> Iterator[None]:
    """Let Hydra's `file://` source read by our YAML rules, and note what it reads, while composing."""
    Plugins.instance()  # registers Hydra's own sources, so that there is one to stand in for
    sources = SourcesRegistry.instance().types
    original, base = sources["file"], version.getbase()
    sources["file"] = _recording_source(path.parent, reads)
    try:
        with warnings.catch_warnings(), initialize_config_dir(str(path.parent.resolve()), "alloy", VERSION_BASE):
            warnings.filterwarnings("ignore", r"In '.*': Defaults list is missing `_self_`")  # it means: at the end
            yield
    finally:
        sources["file"] = original
        version.VersionBase.instance().version_base = base


def _recording_source(folder: FilePath, reads: dict[FilePath, _Read]) -> type[ConfigSource]:
    class Recording(FileConfigSource):
        def load_config(self, config_path: str) -> ConfigResult:
            file = FilePath(self.path, self._normalize_file_name(config_path))
            if not file.exists():
                raise ConfigLoadError(f"Config not found : {file}")
            shown = _shown(file, folder)
            text = read_text(shown)
            values, places = parse_yaml(text, shown)
            raise_all(check_interpolations(values, places, Place(str(shown))))
            reads[shown] = _Read(values, places)
            return ConfigResult(
                config=OmegaConf.create(values),
                path=f"{self.scheme()}://{self.path}",
                provider=self.provider,
                header=ConfigSource._get_header_dict(text[:512]),
            )

    return Recording


def _shown(file: FilePath, folder: FilePath) -> FilePath:
    """Return a file's path as the user named its folder."""
    resolved = folder.resolve()
    return folder / file.relative_to(resolved) if file.is_relative_to(resolved) else file


def _places(path: FilePath, reads: Mapping[FilePath, _Read], used: Sequence[Any], composed: dict[Any, Any]) -> Places:
    """Return where each composed value was written: in the last file of the defaults that gives it."""
    by_name = {file.relative_to(path.parent).with_suffix("").as_posix(): read for file, read in _inside(path, reads)}
    places: Places = {}
    for default in used:
        read = by_name.get(default.config_path or "")
        if read is not None:
            package: Path = tuple(default.package.split(".")) if default.package else ()
            _lay_over(places, read, package)
    there = {at for at, _ in paths(composed)}
    return {at: place for at, place in places.items() if at in there}


def _inside(path: FilePath, reads: Mapping[FilePath, _Read]) -> Iterator[tuple[FilePath, _Read]]:
    return ((file, read) for file, read in reads.items() if file.is_relative_to(path.parent))


def _lay_over(places: Places, read: _Read, package: Path) -> None:
    for at, value in paths(read.values):
        if at[0] == DEFAULTS and is_primary(read.values):
            continue
        target = package + at
        if not isinstance(value, dict):  # it replaces what was there, with everything inside
            for old in [old for old in places if under(old, target)]:
                del places[old]
        if at in read.places:
            places[target] = read.places[at]


def _explained(
    error: Exception, path: FilePath, reads: Mapping[FilePath, _Read], chosen: list[Override]
) -> ConfigError:
    said = " ".join(str(error.__cause__ or error).split())
    if not isinstance(error, MissingConfigException) or error.missing_cfg_file is None:
        place = next((o.place for o in chosen if o.key in said), None)
        return problem_at(place or Place(str(path)), f"Hydra can't compose this: {said}")
    missing = str(error.missing_cfg_file).removesuffix(".yaml")
    group, _, choice = missing.rpartition("/")
    place, key = _asked_for(missing, group, choice, path, reads, chosen)
    options = list(error.options or [])
    if not group:
        return key_problem(place, key, f"no config {missing!r}; {did_you_mean(choice, _names(path.parent))}")
    if not options:
        return key_problem(place, key, f"no config group {group!r}; {did_you_mean(group, _groups(path.parent))}")
    return key_problem(place, key, f"config group {group!r} has no choice {choice!r}; {did_you_mean(choice, options)}")


def _asked_for(
    missing: str, group: str, choice: str, path: FilePath, reads: Mapping[FilePath, _Read], chosen: list[Override]
) -> tuple[Place, Path]:
    """Return the override or the item of a defaults list that asked for a config."""
    for override in chosen:
        if override.value == choice and override.key == group:
            return override.place, ()
    for read in reads.values():
        for index, item in enumerate(read.values[DEFAULTS] if is_primary(read.values) else []):
            if {choice, missing} & set(_choices(item)):
                return read.places.get((DEFAULTS, index), Place(str(path))), (DEFAULTS, index)
    return Place(str(path)), (DEFAULTS,)


def _choices(item: Any) -> Iterator[str]:
    """Yield what an item of a defaults list names: `path`, `group: choice`, or `group: [choice, choice]`."""
    for entry in item.values() if isinstance(item, dict) else [item]:
        yield from (str(name) for name in (entry if isinstance(entry, list) else [entry]))


def _names(folder: FilePath) -> list[str]:
    return [file.stem for file in folder.glob("*.yaml")]


def _groups(folder: FilePath) -> list[str]:
    return [inside.name for inside in folder.iterdir() if inside.is_dir()]
