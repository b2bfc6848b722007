"""Build a registry model as one Keras graph with its preprocessing and its weights inside."""

import contextlib
import io
import logging
import random
import re
import socket
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from errors import UsageError, first_line
from models import MODELS, ModelSpec
from networks.own import OwnModel
from networks.weights import imagenet_files, keras_weights_folder, opens_as_hdf5

DOWNLOAD_TIMEOUT = 10  # seconds without an answer
WEIGHTS_MEMBER = "model.weights.h5"  # of a .keras file, a zip archive

logger = logging.getLogger("suite")


def build_model(spec: ModelSpec, weights: str, classes: int, data_format: str = "channels_last") -> keras.Model:
    """Return uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes].

    `weights` is "imagenet", "none" (random) or the path of a weights file. `data_format` is
    how the network computes inside; what goes in is the same, and so is what comes out.
    Raises UsageError when the weights cannot be had or do not fit.
    """
    with keras_configured(data_format):
        network = build_network(spec, weights, classes=classes)
        pixels = keras.Input((spec.input_size, spec.input_size, 3), dtype="uint8", name="pixels")
        probabilities = network(preprocessed(keras.ops.cast(pixels, "float32"), spec))
        return keras.Model(pixels, probabilities, name=network.name if isinstance(spec, OwnModel) else spec.name)


def preprocessed(square: keras.KerasTensor, spec: ModelSpec) -> keras.KerasTensor:
    """Return what a network takes of float32 RGB [N, S, S, 3], 0 to 255, in Keras's data format."""
    inputs = spec.preprocess_input(square, data_format="channels_last")
    is_first = keras.config.image_data_format() == "channels_first"
    return keras.ops.transpose(inputs, (0, 3, 1, 2)) if is_first else inputs


@contextlib.contextmanager
def keras_configured(data_format: str) -> Iterator[None]:
    """Set what ~/.keras/keras.json or the caller may have set otherwise, for a while."""
    floatx, image_data_format = keras.config.floatx(), keras.config.image_data_format()
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format(data_format)
    random.seed(0)  # keras.utils.set_random_seed would import TensorFlow on every backend
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_image_data_format(image_data_format)


@contextlib.contextmanager
def tensorflow_not_imported() -> Iterator[None]:
    """Keep Keras from importing TensorFlow, in seconds, only to ask whether a layer or a number is TensorFlow's."""
    is_needless = keras.backend.backend() != "tensorflow" and "tensorflow" not in sys.modules
    if is_needless:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if is_needless:
            del sys.modules["tensorflow"]


def build_network(spec: ModelSpec, weights: str, classes: int | None = None) -> keras.Model:
    """Return the plain Keras application: `spec.preprocess_input`'s output -> probabilities.

    Without `classes` it ends with its last feature map's mean: -> float32 [N, features].
    """
    if isinstance(spec, OwnModel):
        from networks.own_graph import load_own

        return load_own(spec, spec.weights_file if weights == "imagenet" else weights)
    shape = (spec.input_size, spec.input_size, 3)
    if keras.config.image_data_format() == "channels_first":
        shape = shape[::-1]
    top = {"include_top": False, "pooling": "avg"} if classes is None else {"classes": classes}
    if weights == "imagenet":
        return _with_imagenet_weights(spec, input_shape=shape, **top)
    network = spec.application(weights=None, input_shape=shape, **top)
    if weights == "none":
        return network
    try:
        load_weights(network, weights)
    except Exception as error:  # Keras and HDF5 raise almost anything for a file of another network
        raise UsageError(_why_not_fit(spec, weights, classes, error)) from error
    return network


def load_weights(network: keras.Model, path: str | Path) -> None:
    """Read a network's weights from a file of any of Keras's formats; raises whatever Keras raises.

    Of a .keras file they are copied out of the archive first: HDF5 jumps to and fro in it, and
    before Python 3.13 every jump back reads the archive from its start (ResNet50: 5.7 s, now 1.3 s).
    """
    if not str(path).endswith(".keras"):
        network.load_weights(path)
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        if archive.getinfo(WEIGHTS_MEMBER).compress_type != zipfile.ZIP_STORED:
            raise ValueError("its weights are compressed, which Keras never does")
        network.load_weights(archive.extract(WEIGHTS_MEMBER, folder))


def _why_not_fit(spec: ModelSpec, weights: str, classes: int | None, error: Exception) -> str:
    what, or_else = "without its last layers", "or, in the old .h5 format, with its last layers (include_top=True)?"
    if classes is not None:
        what, or_else = f"with {classes} classes", "or for other classes (--labels FILE names them, one a line)?"
    return (
        f"the weights file {weights} does not fit {spec.name} {what}: {why_not_loaded(error)}\n"
        f"Is it of another network (--model NAME), {or_else}"
    )


def why_not_loaded(error: Exception) -> str:
    """Return Keras's reason, which stands in a paragraph of its own for its newer formats."""
    reason = str(error).partition(":\n\n")[2].partition("\n")[0] or first_line(error)
    return re.split(r" Target variable: |\.? Full object config: | using config=", reason)[0]  # and then come values


def _with_imagenet_weights(spec: ModelSpec, **options: Any) -> keras.Model:
    log = _DownloadLog()
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with contextlib.redirect_stdout(log):
            return spec.application(weights="imagenet", **options)
    except UsageError:
        raise
    except Exception as error:  # Keras wraps what goes wrong on the network in plain Exceptions
        raise UsageError(_why_no_imagenet_weights(spec, error, log.url)) from error
    finally:
        socket.setdefaulttimeout(timeout)


class _DownloadLog(io.TextIOBase):
    """Takes what Keras prints while it downloads: progress to a terminal, the URL to us."""

    url = ""

    def write(self, text: str) -> int:
        if text.startswith("Downloading data from "):
            self.url = text.removeprefix("Downloading data from ").strip()
            logger.info("downloading %s", self.url)
        elif self.isatty() and logger.isEnabledFor(logging.INFO):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def _why_no_imagenet_weights(spec: ModelSpec, error: Exception, url: str) -> str:
    folder = keras_weights_folder()
    if "corrupted file" in str(error):
        return (
            f"the download of {spec.name}'s weights from {url} arrived damaged; run again to download them anew, "
            "or give a good copy with --weights FILE"
        )
    damaged = [str(path) for path in imagenet_files(spec) if not opens_as_hdf5(path)]
    if damaged:
        return f"damaged weights: {', '.join(damaged)} ({first_line(error)}); delete this and run again"
    if not url:
        return f"cannot load {spec.name}'s weights from {folder}: {first_line(error)}"
    name = f"{spec.name}.h5" if spec.module.endswith("nasnet") else Path(url).name  # Keras renames these two
    offline = ", ".join(model.name for model in MODELS.values() if not model.needs_download)
    return (
        f"cannot download {spec.name}'s weights from {url}: {_network_reason(error)}\n"
        f"Put the file at {folder / name}, or give it with --weights FILE. No download is needed for: {offline}."
    )


def _network_reason(error: Exception) -> str:
    """Turn Keras's "URL fetch failure on URL: 404 -- Not Found" into "404 Not Found"."""
    before, _, reason = first_line(error).rpartition(" -- ")
    code = before.rpartition(": ")[2]
    return f"{code} {reason}" if code.isdecimal() else reason
