"""OpenVINO graphs on disk, so that Keras builds a model only once.

An entry is a folder of its own: the graph, and a manifest that names all that the graph was made
of and holds its checksums. An entry that is not exactly what its manifest says is built anew.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import mmap
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import openvino

from engines.weights_file import weights_files
from models import ModelSpec

GRAPH_FILES = ("graph.xml", "graph.bin")
ROOT = Path(__file__).resolve().parent.parent
CODE_FOLDERS = ("engines", "networks")  # whose code shapes the graph

logger = logging.getLogger("suite")


def cached_graph(
    spec: ModelSpec, weights: str, classes: int, cache_dir: Path | None, build: Callable[[], openvino.Model]
) -> openvino.Model:
    """Return the graph from the cache, or `build` it and keep it there for the next time."""
    if cache_dir is None:
        return build()
    graph = _load(cache_dir, graph_key(spec, weights, classes))
    if graph is None:
        graph = build()
        key = graph_key(spec, weights, classes)  # again: the weights may have been downloaded just now
        try:
            _save(graph, cache_dir, key)
        except OSError as error:
            logger.warning("the graph cache %s cannot be written: %s", cache_dir, error.strerror)
    return graph


def graph_key(spec: ModelSpec, weights: str, classes: int) -> dict:
    """Name all that can change a graph: model, weights, classes, libraries and the suite's own code.

    A weights file counts as another one when its path, size, inode or a time of its changes.
    """
    stamps = [
        [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        for path in weights_files(spec, weights)
        for status in [path.stat()]
    ]
    code = b"".join(path.read_bytes() for folder in CODE_FOLDERS for path in sorted((ROOT / folder).glob("*.py")))
    return {
        "model": repr(spec),
        "weights": "file" if stamps else weights,
        "weights_files": stamps,
        "classes": classes,
        "versions": {package: importlib.metadata.version(package) for package in ("keras", "openvino", "numpy")},
        "code": hashlib.sha256(code).hexdigest(),
    }


def _entry(cache_dir: Path, key: dict) -> Path:
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return cache_dir / f"graph-{digest[:32]}"


def _load(cache_dir: Path, key: dict) -> openvino.Model | None:
    entry = _entry(cache_dir, key)
    try:
        manifest = json.loads((entry / "manifest.json").read_bytes())
        if manifest != {"key": key, "checksums": _checksums(entry)}:
            logger.info("rebuilding %s: it is damaged", entry)
            return None
        return openvino.Core().read_model(entry / GRAPH_FILES[0])
    except (OSError, ValueError, RuntimeError):
        return None


def _save(graph: openvino.Model, cache_dir: Path, key: dict) -> None:
    """Write an entry beside its place and move it there whole: another process may do the same now."""
    entry = _entry(cache_dir, key)
    cache_dir.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache_dir))
    try:
        openvino.serialize(graph, unfinished / GRAPH_FILES[0])
        manifest = {"key": key, "checksums": _checksums(unfinished)}
        (unfinished / "manifest.json").write_text(json.dumps(manifest))
        if entry.exists():
            os.replace(entry, unfinished / "damaged")
        with contextlib.suppress(FileExistsError):
            unfinished.rename(entry)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _checksums(entry: Path) -> list[int]:
    return [_checksum(entry / name) for name in GRAPH_FILES]


def _checksum(path: Path) -> int:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return zlib.crc32(data)
