"""Open the file of a Keras model, and refuse what could run code, before anything is built of it.

A file describes its model as JSON: classes by name, and what they are made with. Keras imports what is named there.
Here only Keras's own layers may be named, without those that run code, call another framework or read more files.
Imports no framework.
"""

import contextlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from errors import UsageError
from networks.own_keras2 import NESTED, in_keras_3
from networks.saved_model import as_file
from networks.weights import check_weights_file

SUFFIXES = (".keras", ".h5", ".hdf5")
CONFIG_MEMBER = "config.json"  # of a .keras file, a zip archive
BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error)
MOST_BYTES = 2**27  # of a description; the largest of the registry's has 2**21
KERAS_MODULES = re.compile(  # that hold classes which only compute
    r"keras(\.(layers|models|initializers|regularizers|constraints|dtype_policies|activations|src\.models\.\w+"
    r"|src\.(ops|layers|applications|initializers|regularizers|constraints|dtype_policies)(\.\w+)+))?"
)
VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__", "__tuple__", "__bytes__")
REFUSED = {
    "Lambda": "runs code that is in the file",
    "__lambda__": "runs code that is in the file",
    "TFSMLayer": "runs a TensorFlow graph of another folder",
    "TorchModuleWrapper": "unpickles PyTorch code",
    "FlaxLayer": "runs code of another package",
    "JaxLayer": "runs code of another package",
    "StringLookup": "reads other files",
    "IntegerLookup": "reads other files",
    "TextVectorization": "reads other files",
    "SlicingOpLambda": "is an operation of TensorFlow's, as preprocess_input leaves it in a model of Keras 2",
    "QuantizedDTypePolicy": "is of a quantized model",
    "QuantizedFloat8DTypePolicy": "is of a quantized model",
}


def is_own(name: str) -> bool:
    """Return whether a name is that of a model's file, or of a SavedModel."""
    if os.path.isdir(name):
        return os.path.isfile(os.path.join(name, "saved_model.pb"))
    return name.lower().endswith(SUFFIXES)


def read_config(path: str) -> dict[str, Any]:
    """Return the description of a model as Keras 3 has it, made of Keras's own layers only; raises UsageError."""
    if os.path.isdir(path):
        raise UsageError(
            f"{path} is a SavedModel, a TensorFlow program without layers, which cannot be trained on; {as_file(path)}"
        )
    if not os.path.exists(path):
        raise UsageError(f"no such file: {path}; --model takes a model's name, a trained folder, or a model's file")
    check_weights_file(path)
    with _damage_named(path):
        return in_keras_3(path, _parse(path, _config_text(path)))


def parse_kept_config(path: str, text: bytes) -> dict[str, Any]:
    """Return what `read_config` returned once and was kept as JSON in the file `path`; raises UsageError."""
    with _damage_named(path):
        return _parse(path, text)


def _parse(path: str, text: str | bytes) -> dict[str, Any]:
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError(f"it holds {type(config).__name__}")
    config = _without(config, "compile_config")  # of training; it is not needed, and names losses of one's own
    _check_classes(path, config)
    if "class_name" in config and config["class_name"] not in NESTED:
        raise UsageError(_why_refused(path, f"class {config['class_name']}", "is not Keras's own"))
    return config


@contextlib.contextmanager
def _damage_named(path: str) -> Iterator[None]:
    try:
        yield
    except UsageError:
        raise
    except RecursionError as error:
        raise UsageError(f"the model's file {path} nests too deeply to be a network") from error
    except (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, *BAD_ARCHIVE) as error:
        why = error if isinstance(error, ValueError) else repr(error)
        raise UsageError(f"the model's file {path} does not describe a model: {why}") from error


def _config_text(path: str) -> str | bytes:
    if path.endswith(".keras"):
        with zipfile.ZipFile(path) as archive:
            _check_version(path, archive)
            if CONFIG_MEMBER not in archive.namelist():
                raise ValueError(f"it is a zip archive without {CONFIG_MEMBER}")
            with archive.open(CONFIG_MEMBER) as member:
                text = member.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise ValueError(f"its {CONFIG_MEMBER} has more than {MOST_BYTES:,} bytes")
        return text
    import h5py  # takes a tenth of a second, needed only here

    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise UsageError(
                f"{path} holds weights without their model; name its network, as in --model resnet50 --weights {path}"
            )
        return file.attrs["model_config"]


def _without(value: Any, key: str) -> Any:
    """Return JSON without a key, wherever it is."""
    if isinstance(value, dict):
        return {name: _without(inner, key) for name, inner in value.items() if name != key}
    return [_without(inner, key) for inner in value] if isinstance(value, list) else value


def _check_classes(path: str, value: Any) -> None:
    """Raise UsageError for what is not Keras's own, or runs code, anywhere in a description."""
    for named in _dicts(value):
        if "class_name" not in named:
            continue
        kind, name = named["class_name"], _name_of(named)
        if not isinstance(kind, str):
            raise ValueError(f"the class {kind!r} is no name")
        if kind in REFUSED:
            raise UsageError(_why_refused(path, f"{kind} {name}".strip(), REFUSED[kind]))
        if kind not in VALUES and not _is_kerass(named):
            what = "function" if kind == "function" else "class"
            raise UsageError(_why_refused(path, f"{what} {name if what == 'function' else kind}", "is not Keras's own"))


def _why_refused(path: str, what: str, why: str) -> str:
    return (
        f"{path} is not loaded, because its {what} {why}; only Keras's own layers are, whose code is not in the file. "
        "Where it was trained, put such layers in its place (Rescaling for x / 255), and save the model again"
    )


def _is_kerass(named: dict[str, Any]) -> bool:
    """Return whether a class is one of Keras's; one without a module, as in .h5, is looked up among those only."""
    registered, module = named.get("registered_name") or "", named.get("module")
    if named["class_name"] == "function" or ">" in registered or ">" in named["class_name"]:
        return False
    if module is None:
        return not registered or registered == named["class_name"]
    return bool(KERAS_MODULES.fullmatch(module))


def _name_of(named: dict[str, Any]) -> str:
    config = named.get("config")
    name = config.get("name") if isinstance(config, dict) else config
    return f"'{name}'" if isinstance(name, str) else ""


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _dicts(inner)


def _check_version(path: str, archive: zipfile.ZipFile) -> None:
    if "metadata.json" not in archive.namelist():
        return
    with archive.open("metadata.json") as member:
        version = str(json.loads(member.read(MOST_BYTES)).get("keras_version"))
    if version.startswith("2."):
        raise UsageError(
            f"{path} was saved by Keras {version}, whose .keras files Keras 3 cannot read; save it there with another "
            "ending: model.save('mine.h5')"
        )
