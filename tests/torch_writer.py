"""Writes checkpoints in PyTorch's old format opcode by opcode: neither torch nor its names are there to pickle."""

import pickle
from dataclasses import dataclass

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
STORAGE_NAMES = {"float32": "FloatStorage", "int64": "LongStorage"}


@dataclass(frozen=True)
class Tensor:
    """A view of a storage: `offset` and `strides` count elements."""

    storage: np.ndarray
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def checkpoint(tensors: dict[str, Tensor], magic_number: int = MAGIC_NUMBER) -> bytes:
    """Return the file of a state dict, as torch._legacy_save lays it out."""
    names = b"".join(_value(name) + _tensor(tensor, str(key)) for key, (name, tensor) in enumerate(tensors.items()))
    keys = [str(key) for key in range(len(tensors))]
    storages = b"".join(len(t.storage).to_bytes(8, "little") + t.storage.tobytes() for t in tensors.values())
    head = b"".join(pickle.dumps(value, 2) for value in (magic_number, 1001, {"little_endian": True}))
    return head + b"\x80\x02" + _ORDERED_DICT + b"(" + names + b"u." + pickle.dumps(keys, 2) + storages


def _tensor(tensor: Tensor, key: str) -> bytes:
    kind = _name("torch", STORAGE_NAMES[tensor.storage.dtype.name])
    storage = _tuple(_value("storage"), kind, *map(_value, (key, "cpu", len(tensor.storage), None))) + b"Q"
    view = map(_value, (tensor.offset, tensor.shape, tensor.strides, False))
    return _name("torch._utils", "_rebuild_tensor_v2") + _tuple(storage, *view, _ORDERED_DICT) + b"R"


def _name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _value(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]  # without the opcodes PROTO and STOP


_ORDERED_DICT = _name("collections", "OrderedDict") + b")R"
