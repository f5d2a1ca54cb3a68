"""What surrounds a run: logs, the record folder, copies of the code, seeds."""

import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from loguru import logger
from rich.console import Console

from torchalloy.adapters.alchemy._backup import back_up
from torchalloy.adapters.alchemy._document import plain, write_toml
from torchalloy.adapters.alchemy._errors import SymbolTaken
from torchalloy.adapters.alchemy._logs import open_console_log, open_file_log
from torchalloy.adapters.alchemy._tables import warn_unknown_keys
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError, MissingExtra

__all__ = [
    "AlchemyPlugin",
    "Backup",
    "BasicSetup",
    "DisplayRunningInfo",
    "FileLogger",
    "Seeding",
    "TensorboardLogger",
]


class AlchemyPlugin(Registrable):
    """The family of plugins: all built with the runner, entered in order, and closed once each in the same order."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, et: type[BaseException] | None, ev: BaseException | None, tb: TracebackType | None) -> None:
        self.exit()

    def exit(self) -> None:
        """Undo what the plugin did; `sys.exc_info()` tells of the exception that ends the run, if one does."""


@AlchemyPlugin.register()
class BasicSetup(AlchemyPlugin):
    """The console and its log; in debug mode (global symbol `debug`) also debug lines and exact CUDA errors.

    In a run that `alloy` started, the log stays as `alloy` set it up.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] BasicSetup", kwargs, ())
        table = sym_tbl()
        self._undo: list[Callable[[], None]] = []
        if table.try_get_global("debug"):
            self._undo.append(_environment("CUDA_LAUNCH_BLOCKING", "1"))
        if table.host.draws:
            table.console = Console(stderr=True)
            return
        table.console = Console()
        self._undo.append(open_console_log(table.console, _tag("BasicSetup"), _level()))

    def exit(self) -> None:
        """Take the log off the console."""
        for undo in self._undo:
            undo()


@AlchemyPlugin.register()
class FileLogger(AlchemyPlugin):
    """The record folder: `<log_dir>/<date>_<time>/` with README.md, cfg.toml, run.log and checkpt/.

    In a run that `alloy` started, its folder is the record folder and `log_dir` isn't used. With the global symbol
    `no_file` there is none.

    Args:
        log_dir: Where record folders are made.
        subdirs: Folders to make in it.
        create_readme: Write README.md with the config's tag and the run's description.
        backup_cfg: Write cfg.toml.
    """

    def __init__(
        self,
        log_dir: str,
        subdirs: Sequence[str] = (),
        create_readme: bool = True,
        backup_cfg: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] FileLogger", kwargs, ("log_dir", "subdirs", "create_readme", "backup_cfg"))
        self._close: Callable[[], None] | None = None
        table = sym_tbl()
        if table.try_get_global("no_file"):
            logger.info("no record folder is made")
            return
        folder = table.host.folder or _new_folder(Path(log_dir))
        self._close = open_file_log(folder / "run.log", _level())
        table.record_dir = folder
        table.set_global("checkpt_dir", folder / "checkpt")
        for name in ("checkpt", *subdirs):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if create_readme:
            text = f"# {_tag('FileLogger')}\n\n{table.try_get_global('desc', '')}\n"
            (folder / "README.md").write_text(text, encoding="utf-8")
        if backup_cfg:
            write_toml(folder / "cfg.toml", table.cfg)

    def exit(self) -> None:
        """Close run.log."""
        if self._close is not None:
            self._close()


@AlchemyPlugin.register()
class Backup(AlchemyPlugin):
    """Copies files and folders to `backup/` in the record folder; does nothing without one.

    Args:
        paths: What to copy; `alchemy` is this package where there is no such folder.
        ignore: Shell patterns of what to leave out.
    """

    def __init__(self, paths: Sequence[str], ignore: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] Backup", kwargs, ("paths", "ignore"))
        folder = sym_tbl().record_dir
        if folder is not None:
            back_up([str(path) for path in paths], folder / "backup", [str(pattern) for pattern in ignore])


@AlchemyPlugin.register()
class TensorboardLogger(AlchemyPlugin):
    """A TensorBoard writer on the record folder, in a global symbol; does nothing without a folder.

    Args:
        varname: The symbol's name.
    """

    def __init__(self, varname: str = "summary_writer", **kwargs: Any) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] TensorboardLogger", kwargs, ("varname",))
        self._varname = varname
        self._writer: Any = None
        table = sym_tbl()
        if table.record_dir is None:
            return
        if table.contains_global(varname):
            raise SymbolTaken(f"[plugins] TensorboardLogger: global symbol {varname!r} is taken; give another varname")
        self._writer = _summary_writer()(str(table.record_dir))
        table.set_global(varname, self._writer)

    def exit(self) -> None:
        """Close the writer and remove the symbol."""
        if self._writer is not None:
            self._writer.close()
            sym_tbl().try_pop_global(self._varname)


@AlchemyPlugin.register()
class Seeding(AlchemyPlugin):
    """Seeds Python, NumPy and torch, and makes cuDNN deterministic.

    Args:
        seed: >= 0.
        use_deterministic_algorithms: Let torch refuse what has no deterministic form.
    """

    def __init__(self, seed: int, use_deterministic_algorithms: bool = False, **kwargs: Any) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] Seeding", kwargs, ("seed", "use_deterministic_algorithms"))
        seed = int(seed)
        os.environ["PYTHONHASHSEED"] = str(seed)  # for processes started from here
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        if use_deterministic_algorithms:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
            torch.use_deterministic_algorithms(True)
        sym_tbl().set_global("seed", seed)


@AlchemyPlugin.register()
class DisplayRunningInfo(AlchemyPlugin):
    """Logs the tag, the device, the versions and the config."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        warn_unknown_keys("[plugins] DisplayRunningInfo", kwargs, ())
        table = sym_tbl()
        logger.info("tag: {}", _tag("DisplayRunningInfo"))
        logger.info("device: {}", table.device_info)
        cudnn = torch.backends.cudnn.version()
        logger.info("torch {}, CUDA {}, cuDNN {}", torch.__version__, torch.version.cuda, cudnn)
        logger.info("config: {}", plain(table.cfg))


def make_plugins(cfg: Any) -> list[Any]:
    """Build the plugins a config lists, in order; a failing one closes those built before it."""
    plugins = sym_tbl().plugins = []
    try:
        for options in cfg.get("plugins", ()):
            plugin = AlchemyPlugin.from_registry(options["type"], **options)
            plugins.append(plugin)
    except BaseException:
        close_plugins(plugins, sys.exc_info())
        raise
    return plugins


def close_plugins(plugins: Sequence[Any], error: tuple[Any, Any, Any]) -> None:
    """Close each plugin once, in order; one that fails is logged and doesn't keep the others open."""
    for plugin in plugins:
        try:
            plugin.__exit__(*error)
        except Exception:
            logger.exception("plugin {} can't be closed", type(plugin).__name__)


def _new_folder(log_dir: Path) -> Path:
    made = sym_tbl().ctime
    assert made is not None
    folder = log_dir / made.strftime("%Y-%m-%d_%H-%M-%S.%f")
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigError(f"[plugins] FileLogger: {folder} is there already, from another run") from error
    return folder


def _tag(plugin: str) -> str:
    tag = sym_tbl().cfg.get("tag")
    if tag is None:
        raise ConfigError(f"key 'tag' is missing; plugin {plugin} uses it as the run's title")
    return str(tag)


def _level() -> str:
    return "DEBUG" if sym_tbl().try_get_global("debug") else "INFO"


def _environment(name: str, value: str) -> Callable[[], None]:
    before = os.environ.get(name)
    os.environ[name] = value

    def undo() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    return undo


def _summary_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra("[plugins] TensorboardLogger needs tensorboard: pip install tensorboard") from error
    return SummaryWriter
