"""Read tensors from a PyTorch checkpoint in the old pickle format (before PyTorch 1.6), without PyTorch.

The file is a sequence of pickles (magic number, protocol version, system information, state
dict, storage keys) followed by the raw storages, each an int64 element count and then its
little-endian elements. Source: `torch.serialization._legacy_save`.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _TensorView(NamedTuple):
    """The arguments of torch._utils._rebuild_tensor_v2: a strided view of one storage."""

    storage: str
    offset: int  # in elements
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements
    requires_grad: bool
    backward_hooks: Any


class _CheckpointUnpickler(pickle.Unpickler):
    """Admits the few names that a state dict needs, so that loading runs no foreign code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _TensorView
        if module == "torch" and name in STORAGE_DTYPES:
            return STORAGE_DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint of weights")


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Return the state dict as {name: array} in the file's order.

    Raises OSError, and ValueError when the file is not a whole checkpoint of this kind.
    """
    with open(path, "rb") as file:
        try:
            return _read_state(file)
        except OSError:
            raise
        except Exception as error:  # pickle and NumPy raise almost anything for hostile bytes
            raise ValueError(f"not a whole PyTorch checkpoint in the old pickle format: {error!r}") from error


def _read_state(file: BinaryIO) -> dict[str, np.ndarray]:
    dtypes: dict[str, np.dtype] = {}

    def remember_storage(reference: tuple) -> str:
        _tag, dtype, key, *_location_and_size = reference
        dtypes[key] = dtype
        return key

    magic_number, _version, _system = (_unpickle(file, remember_storage) for _ in range(3))
    if magic_number != MAGIC_NUMBER:
        raise ValueError("wrong magic number")
    views = _unpickle(file, remember_storage)
    storages = {key: _read_storage(file, dtypes[key]) for key in _unpickle(file, remember_storage)}
    return {name: _strided(storages[view.storage], view) for name, view in views.items()}


def _unpickle(file: BinaryIO, persistent_load: Any) -> Any:
    unpickler = _CheckpointUnpickler(file)
    unpickler.persistent_load = persistent_load  # type: ignore[method-assign]  # as the pickle module documents it
    return unpickler.load()


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    storage = file.read(count * dtype.itemsize)
    if len(storage) != count * dtype.itemsize:
        raise EOFError("the checkpoint ends in the middle of a tensor")
    return np.frombuffer(storage, dtype)


def _strided(storage: np.ndarray, view: _TensorView) -> np.ndarray:
    byte_strides = [stride * storage.itemsize for stride in view.strides]
    return np.ndarray(view.shape, storage.dtype, storage, view.offset * storage.itemsize, byte_strides)
