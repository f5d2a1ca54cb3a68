"""A state tree as JSON plus named tensors, and back; nothing in it can be executed.

What JSON has (None, bool, int, finite float, str, list, dict with str keys) stands for itself. Everything else is an
object with a key "$" that says its kind: `{"$": "tuple", "items": [...]}`. A tensor leaves its place in the tree as
`{"$": "tensor", "name": ...}` and goes into the named tensors, whose names are the paths in the tree, so that the
safetensors file of a part `model` is an ordinary state dict for any other tool.
"""

import base64
import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchalloy.core import CheckpointError

__all__ = ["Encoded", "decode", "encode"]

# The dtypes that safetensors writes and reads; tensors of other dtypes are kept as their bytes.
_PORTABLE = frozenset(
    {
        torch.bool,
        torch.uint8,
        torch.uint16,
        torch.uint32,
        torch.uint64,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
    }
)
_ARRAY_KINDS = "biufcmMSUV"
_FACTORIES: dict[str, Callable[[], Any] | None] = {
    "none": None, "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "set": set,
}  # fmt: skip
_KEPT = (
    "None, bool, int, float, complex, str, bytes, list, tuple, set, dict (OrderedDict, Counter, defaultdict of a "
    "builtin type), torch tensors, NumPy arrays and scalars"
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A state tree ready for disk.

    Attributes:
        tree: What `json.dumps` takes.
        tensors: Contiguous CPU tensors by name; they may share memory with the tree they come from.
    """

    tree: Any
    tensors: Mapping[str, torch.Tensor]


def encode(tree: Any, *, part: str = "state") -> Encoded:
    """Take a state tree apart into JSON and tensors.

    A tensor that occurs twice is kept once and is one tensor again after `decode`; views that merely overlap become
    separate tensors. `requires_grad` and the device aren't kept, nor is the identity of shared lists and dicts.

    Args:
        tree: Nested dicts, lists, tuples, sets, plain values, tensors and NumPy arrays; dict keys may be any of the
            plain values or tuples of them.
        part: The name of the part, for messages.

    Raises: CheckpointError: naming the part, the path in it and the type that can't be kept.
    """
    encoder = _Encoder(part)
    try:
        return Encoded(encoder.node(tree, ()), encoder.tensors)
    except RecursionError as error:
        raise CheckpointError(f"part {part!r}: its state is nested too deeply to be kept") from error


def decode(encoded: Encoded, *, part: str = "state") -> Any:
    """Put a state tree together again; all its tensors are on the CPU.

    Raises: CheckpointError: when the JSON isn't what `encode` writes.
    """
    try:
        return _Decoder(encoded.tensors).node(encoded.tree)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
        raise CheckpointError(
            f"part {part!r}: its JSON isn't a state tree that this torchalloy knows ({type(error).__name__}: {error})"
        ) from error


class _Encoder:
    """One walk through a tree."""

    def __init__(self, part: str) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._part = part
        self._open: set[int] = set()  # containers that the walk is inside of
        self._storages: set[int] = set()
        self._names: dict[tuple[Any, ...], str] = {}  # where a tensor's memory is -> the name it was given

    def node(self, value: Any, path: tuple[str, ...]) -> Any:
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int:
            # Python refuses decimal digits by the thousand, never hexadecimal ones.
            return value if value.bit_length() <= 1024 else {"$": "int", "hex": hex(value)}
        if type(value) is float:
            return value if math.isfinite(value) else {"$": "float", "value": repr(value)}
        if isinstance(value, torch.Tensor):
            return self._tensor(value, path)
        if isinstance(value, np.ndarray | np.generic):
            return self._numpy(value, path)
        if type(value) is complex:
            return {"$": "complex", "parts": [self.node(value.real, path), self.node(value.imag, path)]}
        if type(value) in (bytes, bytearray):
            return {"$": type(value).__name__, "base64": base64.b64encode(value).decode("ascii")}
        return self._container(value, path)

    def _container(self, value: Any, path: tuple[str, ...]) -> Any:
        if id(value) in self._open:
            raise self._refusal(path, "a container that holds itself", "break the cycle")
        self._open.add(id(value))
        try:
            return self._opened(value, path)
        finally:
            self._open.discard(id(value))

    def _opened(self, value: Any, path: tuple[str, ...]) -> Any:
        if type(value) is list:
            return self._items(value, path)
        if type(value) in (tuple, torch.Size):
            return {"$": "tuple", "items": self._items(value, path)}
        if type(value) in (set, frozenset):
            return {"$": type(value).__name__, "items": self._items(value, path)}
        if type(value) is dict:
            return self._dict(value, path)
        if type(value) is OrderedDict:
            # A module's state dict carries the versions of its modules as an attribute.
            metadata = self.node(getattr(value, "_metadata", None), path)
            return {"$": "ordered", "items": self._pairs(value, path), "metadata": metadata}
        if type(value) is Counter:
            return {"$": "counter", "items": self._pairs(value, path)}
        if type(value) is defaultdict and value.default_factory in _FACTORIES.values():
            factory = next(name for name, made in _FACTORIES.items() if made is value.default_factory)
            return {"$": "defaultdict", "factory": factory, "items": self._pairs(value, path)}
        raise self._refusal(path, _type_name(value), f"what can be kept: {_KEPT}")

    def _dict(self, value: dict[Any, Any], path: tuple[str, ...]) -> dict[str, Any]:
        if all(type(key) is str for key in value) and "$" not in value:
            return {key: self.node(item, (*path, key)) for key, item in value.items()}
        return {"$": "dict", "items": self._pairs(value, path)}

    def _pairs(self, value: Mapping[Any, Any], path: tuple[str, ...]) -> list[list[Any]]:
        return [[self.node(key, (*path, repr(key))), self.node(item, (*path, str(key)))] for key, item in value.items()]

    def _items(self, values: Any, path: tuple[str, ...]) -> list[Any]:
        return [self.node(value, (*path, str(index))) for index, value in enumerate(values)]

    def _tensor(self, tensor: torch.Tensor, path: tuple[str, ...]) -> dict[str, Any]:
        self._check(tensor, path)
        tensor = tensor.detach()
        place = _place(tensor)
        if place in self._names and tensor.numel():
            return {"$": "tensor", "name": self._names[place]} | _dtype_note(tensor)
        name = self._keep(self._alone(_portable(tensor)), path)
        self._names[place] = name
        return {"$": "tensor", "name": name} | _dtype_note(tensor)

    def _alone(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensor, or a copy where another one has its memory: safetensors refuses to write both."""
        if tensor.untyped_storage().data_ptr() in self._storages:
            tensor = tensor.clone()
        if tensor.numel():
            self._storages.add(tensor.untyped_storage().data_ptr())
        return tensor

    def _check(self, tensor: torch.Tensor, path: tuple[str, ...]) -> None:
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            raise self._refusal(path, f"a tensor of type {_type_name(tensor)}", "gather it into a plain tensor first")
        if tensor.is_meta:
            raise self._refusal(path, "a tensor on the meta device", "it has no values; materialise it first")
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
            what = f"a {tensor.layout} {tensor.dtype} tensor"
            raise self._refusal(path, what, "keep a dense one (to_dense, dequantize)")

    def _numpy(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        dtype: Any = value.dtype
        if dtype.kind not in _ARRAY_KINDS or dtype.hasobject or dtype.isbuiltin == 2:
            what = f"a NumPy value of dtype {dtype}"
            raise self._refusal(path, what, "use a dtype of numbers, dates or fixed-width text")
        descr = self.node(np.lib.format.dtype_to_descr(dtype), path)
        if isinstance(value, np.generic):
            return {"$": "scalar", "dtype": descr, "base64": base64.b64encode(value.tobytes()).decode("ascii")}
        if type(value) is not np.ndarray:
            raise self._refusal(path, _type_name(value), "use a plain numpy.ndarray")
        content = torch.from_numpy(np.frombuffer(bytearray(value.tobytes()), dtype=np.uint8))
        return {"$": "array", "dtype": descr, "shape": list(value.shape), "name": self._keep(content, path)}

    def _keep(self, tensor: torch.Tensor, path: tuple[str, ...]) -> str:
        wished = ".".join(path) or "value"
        name, count = wished, 1
        while name in self.tensors or name == "__metadata__":  # safetensors keeps this name for itself
            count += 1
            name = f"{wished}#{count}"
        self.tensors[name] = tensor
        return name

    def _refusal(self, path: tuple[str, ...], what: str, remedy: str) -> CheckpointError:
        where = f"part {self._part!r}" + (f" at {'.'.join(path)!r}" if path else "")
        return CheckpointError(f"{where}: a checkpoint can't keep {what}; {remedy}")


class _Decoder:
    """One walk through encoded JSON."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self._tensors = tensors
        self._viewed: dict[str, torch.Tensor] = {}  # shared tensors of a dtype kept as bytes are viewed once

    def node(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.node(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$" not in value:
            return {key: self.node(item) for key, item in value.items()}
        return _KINDS[value["$"]](self, value)

    def items(self, value: dict[str, Any]) -> list[Any]:
        return [self.node(item) for item in value["items"]]

    def pairs(self, value: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [(self.node(key), self.node(item)) for key, item in value["items"]]

    def ordered(self, value: dict[str, Any]) -> OrderedDict[Any, Any]:
        made = OrderedDict(self.pairs(value))
        metadata = self.node(value["metadata"])
        if metadata is not None:
            made._metadata = metadata  # type: ignore[attr-defined]
        return made

    def tensor(self, value: dict[str, Any]) -> torch.Tensor:
        name = value["name"]
        if "dtype" not in value:
            return self._tensors[name]
        if name not in self._viewed:
            dtype = getattr(torch, value["dtype"])
            self._viewed[name] = self._tensors[name].view(dtype).reshape(value["shape"])
        return self._viewed[name]

    def array(self, value: dict[str, Any]) -> np.ndarray[Any, Any]:
        return _array(self.node(value["dtype"]), value["shape"], self._tensors[value["name"]].numpy().tobytes())

    def scalar(self, value: dict[str, Any]) -> Any:
        return _array(self.node(value["dtype"]), (), base64.b64decode(value["base64"], validate=True))[()]


_KINDS: dict[str, Callable[[_Decoder, dict[str, Any]], Any]] = {
    "array": _Decoder.array,
    "bytearray": lambda _, value: bytearray(base64.b64decode(value["base64"], validate=True)),
    "bytes": lambda _, value: base64.b64decode(value["base64"], validate=True),
    "complex": lambda decoder, value: complex(*(decoder.node(part) for part in value["parts"])),
    "counter": lambda decoder, value: Counter(dict(decoder.pairs(value))),
    "defaultdict": lambda decoder, value: defaultdict(_FACTORIES[value["factory"]], decoder.pairs(value)),
    "dict": lambda decoder, value: dict(decoder.pairs(value)),
    "float": lambda _, value: float(value["value"]),
    "frozenset": lambda decoder, value: frozenset(decoder.items(value)),
    "int": lambda _, value: int(value["hex"], 16),
    "ordered": _Decoder.ordered,
    "scalar": _Decoder.scalar,
    "set": lambda decoder, value: set(decoder.items(value)),
    "tensor": _Decoder.tensor,
    "tuple": lambda decoder, value: tuple(decoder.items(value)),
}


def _place(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return what two tensors have in common that are one: the memory and the way it is read."""
    where = (tensor.data_ptr(), tensor.device, tensor.dtype)
    return (*where, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg())


def _portable(tensor: torch.Tensor) -> torch.Tensor:
    dense = tensor.resolve_conj().resolve_neg().cpu().contiguous()
    return dense if dense.dtype in _PORTABLE else dense.reshape(-1).view(torch.uint8)


def _array(descr: Any, shape: Any, content: bytes) -> np.ndarray[Any, Any]:
    dtype = np.lib.format.descr_to_dtype(descr)
    made: np.ndarray[Any, Any] = np.zeros(shape, dtype)
    return np.frombuffer(bytearray(content), dtype).reshape(shape) if made.nbytes else made


def _dtype_note(tensor: torch.Tensor) -> dict[str, Any]:
    if tensor.dtype in _PORTABLE:
        return {}
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
