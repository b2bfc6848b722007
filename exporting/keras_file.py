"""Keras's own format, model.keras: any Keras 3 opens it, on TensorFlow, JAX or PyTorch."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

from exporting.order import Order
from networks.applications import WEIGHTS_MEMBER
from networks.trained import build


def write(order: Order) -> None:
    """Write the whole network; in float16 its kernels are kept so, and Keras makes float32 of them as it loads."""
    build(order.classifier.network, order.classifier.weights).save(order.path)
    if order.precision == "float16":
        with tempfile.TemporaryDirectory(dir=order.path.parent) as folder:
            halved = Path(folder, order.path.name)
            _halve(order.path, halved, Path(folder))
            halved.replace(order.path)


def _halve(source: Path, target: Path, folder: Path) -> None:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            archive.extract(name, folder)
            if name == WEIGHTS_MEMBER:
                with h5py.File(folder / name) as whole, h5py.File(folder / "half.h5", "w") as half:
                    _copy_halved(whole, half)
                shutil.move(folder / "half.h5", folder / name)
            copy.write(folder / name, name)


def _copy_halved(source: h5py.Group, target: h5py.Group) -> None:
    """Copy a group of HDF5 with float16 in the place of every array of two or more axes."""
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy_halved(item, target.create_group(name))
        else:
            is_kernel = item.ndim > 1 and item.dtype == np.float32
            target.create_dataset(name, data=item[()].astype(np.float16) if is_kernel else item[()])


def load(order: Order) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs it as anybody's Keras does, which knows nothing of the suite."""
    model = keras.models.load_model(order.path, compile=False)
    model.compile(jit_compile=False)
    return lambda squares: model.predict_on_batch(squares)
