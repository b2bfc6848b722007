"""What must be known to use an exported model: model.json, and the metadata inside of the files."""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from classifiers import Classifier
from classifiers.folder import TEST_FILE
from exporting.proof import Proof
from files import sha256_of
from settings import VERSION

FORMAT = 1  # of model.json
PACKAGES = ("keras", "tensorflow", "openvino", "onnx", "tf2onnx", "onnxruntime", "ai-edge-litert", "numpy")


def labels_text(classifier: Classifier) -> str:
    """Return the text of labels.txt: the classes' names, one a line, in the order of the model's outputs."""
    return "".join(f"{label.label}\n" for label in classifier.labels)


def preprocessing(classifier: Classifier) -> dict[str, Any]:
    """Return how a picture becomes the square, in the words of a trained folder's spec.json."""
    transform = classifier.transform
    return {
        "input_size": transform.size,
        "resize": transform.resize,
        "crop_fraction": transform.crop_fraction,
        "interpolation": transform.interpolation,
    }


def metadata(classifier: Classifier) -> dict[str, str]:
    """Return what is put into each file: as texts, for that is what formats can hold."""
    size = classifier.transform.size
    return {
        "name": classifier.network.name,
        "input": f"uint8 RGB [N, {size}, {size}, 3], 0 to 255; all else is inside",
        "preprocessing": json.dumps(preprocessing(classifier)),
        "threshold": json.dumps(classifier.decision_threshold),
        "suite_version": VERSION,
        "labels": labels_text(classifier),
    }


def describe(classifier: Classifier, proofs: Sequence[Proof], folder: Path) -> dict[str, Any]:
    """Return the content of model.json for the files in a folder."""
    size, classes = classifier.transform.size, len(classifier.labels)
    return {
        "format": FORMAT,
        "suite_version": VERSION,
        "model": classifier.network.name,
        "backbones": [spec.name for spec in classifier.network.backbones],
        "input": {"name": "pixels", "dtype": "uint8", "shape": [None, size, size, 3], "colors": "RGB, 0 to 255"},
        "output": {"name": "probabilities", "dtype": "float32", "shape": [None, classes]},
        "preprocessing": preprocessing(classifier),
        "threshold": classifier.decision_threshold,
        "classes": classes,
        "labels": [label.label for label in classifier.labels],
        "accuracy": _accuracy(classifier),
        "weights": _weights(classifier),
        "exports": [asdict(proof) | {"files": _files(folder, proof)} for proof in proofs],
        "versions": _versions(),
    }


def _accuracy(classifier: Classifier) -> dict[str, Any] | None:
    """Return the accuracy that is known of these weights, and who measured it on what; None where nobody did."""
    spec = classifier.network.backbones[0]
    if classifier.folder is None and classifier.weights.source == "imagenet":
        text = "published for these weights, on ImageNet's validation pictures; docs/models.md has the source"
        return {"top1": spec.top1, "top5": spec.top5, "unit": "percent", "whose": text}
    path = classifier.folder and classifier.folder / TEST_FILE
    if not path or not path.is_file():
        return None
    figures = {key: value for key, value in json.loads(path.read_bytes()).items() if not isinstance(value, dict)}
    return figures | {"whose": "measured by train_classifier.py on the test pictures of this training"}


def _weights(classifier: Classifier) -> dict[str, Any]:
    files = classifier.weights.files(classifier.network)
    return {"source": classifier.weights.source, "sha256": {path.name: sha256_of(path) for path in files}}


def _files(folder: Path, proof: Proof) -> dict[str, dict[str, Any]]:
    """Return the size and the checksum of each file of an export, by its path in the folder."""
    paths = sorted(path for name in proof.paths for path in [folder / name, *(folder / name).rglob("*")])
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in paths
        if path.is_file()
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
