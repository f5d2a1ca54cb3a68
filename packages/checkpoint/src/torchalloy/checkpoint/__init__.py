"""Keep training state on disk so that a crash, a full disk or a flipped bit can't lose it or falsify it."""

from torchalloy.checkpoint._exports import export_torch, import_torch
from torchalloy.checkpoint._folder import Checkpoint, read, verify, write
from torchalloy.checkpoint._manifest import FORMAT_VERSION, FileRecord, Manifest, PartRecord
from torchalloy.checkpoint._restore import Report, load_into
from torchalloy.checkpoint._store import Store
from torchalloy.checkpoint._tree import Encoded, decode, encode

__all__ = [
    "Checkpoint",
    "Encoded",
    "FORMAT_VERSION",
    "FileRecord",
    "Manifest",
    "PartRecord",
    "Report",
    "Store",
    "decode",
    "encode",
    "export_torch",
    "import_torch",
    "load_into",
    "read",
    "verify",
    "write",
]
