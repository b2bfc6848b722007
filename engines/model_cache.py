"""Compiled OpenVINO models on disk, so that a model is built and compiled only once.

An entry is a folder of its own: the compiled model, and a manifest that names all that it was made
of and holds its checksum. An entry that is not exactly what its manifest says is built anew.
"""

import contextlib
import errno
import hashlib
import importlib.metadata
import io
import json
import logging
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines.quick_openvino import openvino
from errors import first_line
from files import hash_of_code
from networks import Network
from networks.weights import Weights

MODEL_FILE, MANIFEST_FILE = "model.blob", "manifest.json"
GRAPH_CODE = (  # the modules that shape a graph: a change in one of them builds every model anew
    "networks", "networks.applications", "networks.trained", "networks.cut", "networks.openvino_graph",
    "networks.heat", "networks.efficientnet_lite", "networks.torch_checkpoint", "networks.own", "networks.own_file",
    "networks.own_keras2", "networks.own_backbone", "networks.own_layers", "networks.own_graph",
    "networks.own_channels", "networks.saved_model", "networks.saved_model_graph",
)  # fmt: skip
CPU_FACTS = Path("/proc/cpuinfo")
SECONDS_PER_DAY = 86_400
DAYS_UNUSED = {"unfinished-*": 1, "model-*": 90}  # after which a folder is removed

logger = logging.getLogger("suite")


def cached_model(
    core: openvino.Core,
    cache_dir: Path,
    key: Callable[[], dict],
    device: str,
    config: dict,
    compile_model: Callable[[], Any],
) -> openvino.CompiledModel:
    """Return the compiled model from the cache, or make it with `compile_model` and keep it there.

    `key` is called again after that, because the weights may have been downloaded just then.
    """
    compiled = _load(core, cache_dir, key(), device, config)
    if compiled is None:
        compiled = compile_model()
        try:
            _save(compiled, cache_dir, key())
        except (OSError, RuntimeError) as error:  # OpenVINO's are RuntimeErrors
            logger.warning("the compiled model cannot be stored in %s: %s", cache_dir, first_line(error))
    return compiled


def model_key(network: Network, weights: Weights) -> dict:
    """Name what a model is made of: the registry's rows, weights, libraries and the code that builds it.

    A weights file counts as another one when its path, size, inode or a time of its changes.
    """
    stamps = [
        [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        for path in weights.files(network)
        for status in [path.stat()]
    ]
    return {
        "network": repr(network),
        "weights": "file" if stamps else weights.source,
        "weights_files": stamps,
        "versions": {package: importlib.metadata.version(package) for package in ("keras", "openvino", "numpy")},
        "code": hash_of_code(GRAPH_CODE),
    }


def device_key(core: openvino.Core, device: str, config: dict) -> dict:
    """Name what a model is compiled for: the processor with its instruction set, and the settings."""
    flags = (
        [line for line in CPU_FACTS.read_text().splitlines() if line.startswith("flags")] if CPU_FACTS.exists() else []
    )
    return {
        "device": [device, core.get_property(device, "FULL_DEVICE_NAME")],
        "capabilities": list(core.get_property(device, "OPTIMIZATION_CAPABILITIES")),
        "flags": hashlib.sha256("".join(flags[:1]).encode()).hexdigest(),
        "config": config,
    }


def _entry(cache_dir: Path, key: dict) -> Path:
    return cache_dir / f"model-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}"


def _load(core: openvino.Core, cache_dir: Path, key: dict, device: str, config: dict) -> openvino.CompiledModel | None:
    entry = _entry(cache_dir, key)
    try:
        manifest = json.loads((entry / MANIFEST_FILE).read_bytes())
        blob = np.memmap(entry / MODEL_FILE, np.uint8, "c")
        if manifest != {"key": key, "checksum": zlib.crc32(blob.data)}:
            raise ValueError("not what its manifest says")
        with contextlib.suppress(OSError):
            os.utime(entry)
        return core.import_model(openvino.Tensor(blob), device, config)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, ValueError, RuntimeError) as error:
        logger.info("%s is damaged (%s): building the model anew", entry, str(error).partition("\n")[0])
        return None


def _save(compiled: openvino.CompiledModel, cache_dir: Path, key: dict) -> None:
    """Write an entry beside its place and move it there whole: another process may do the same now."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    _remove_stale(cache_dir)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache_dir, ignore_cleanup_errors=True) as workspace:
        old, new = Path(workspace, "old"), Path(workspace, "new")
        new.mkdir()
        stream = io.BytesIO()
        compiled.export_model(stream)
        (new / MODEL_FILE).write_bytes(stream.getbuffer())
        (new / MANIFEST_FILE).write_text(json.dumps({"key": key, "checksum": zlib.crc32(stream.getbuffer())}))
        with contextlib.suppress(FileNotFoundError):
            _entry(cache_dir, key).rename(old)
        try:
            new.rename(_entry(cache_dir, key))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # another process was quicker
                raise


def _remove_stale(cache_dir: Path) -> None:
    """Remove what killed processes left, and models that nobody has used for long."""
    for pattern, days in DAYS_UNUSED.items():
        for folder in cache_dir.glob(pattern):
            with contextlib.suppress(FileNotFoundError):  # another process removes it, too
                if time.time() - folder.stat().st_mtime > days * SECONDS_PER_DAY:
                    shutil.rmtree(folder, ignore_errors=True)
