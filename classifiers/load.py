"""From what the user names to a Classifier: one place for the command line and for Python, which refuse the same."""

import os
from collections.abc import Sequence
from dataclasses import replace

from classifiers.classifier import Classifier
from classifiers.folder import TrainedFolder, read_trained
from engines import Engine
from engines.runtime import AUTO, Runtime
from errors import UsageError
from files import cache_folder
from labels import ClassLabel, read_labels
from models import ModelSpec, find_model
from networks import Network
from networks.own import OwnModel, read_own, with_preprocess
from networks.own_file import is_own
from networks.saved_model import as_file
from networks.weights import IMAGENET_CLASSES, Weights
from settings import BATCH_SIZE, MAX_PIXELS, MODEL, WORKERS
from sources.paths import PathName

Labels = PathName | Sequence[ClassLabel | str]
Model = PathName | ModelSpec | TrainedFolder


def load_classifier(
    model: Model = MODEL,
    *,
    weights: PathName | None = None,
    labels: Labels | None = None,
    resize: str | None = None,
    max_pixels: int = MAX_PIXELS,
    backend: str = AUTO,
    device: str = "auto",
    precision: str = "float32",
    batch_size: int = BATCH_SIZE,
    workers: int = WORKERS,
    cache_dir: PathName | None = None,
    use_cache: bool = True,
    engine: Engine | None = None,
    preprocess: str | None = None,
) -> Classifier:
    """Return the classifier of that name: a model of the registry, the folder of a trained one, or a Keras file.

    The options are those of classify_image.py. A trained folder brings its own weights, labels, way to
    resize and decision threshold; a .keras or .h5 file brings its weights, and may need `preprocess`. Weights are
    loaded with the first picture, and once; an `engine` computes in their place. Raises UsageError for all that can be
    wrong before that.
    """
    if not isinstance(cache_dir, PathName | None):
        raise UsageError(f"cache_dir is {cache_dir!r}; give the path of a folder")
    runtime = Runtime(backend, device, precision, batch_size, workers, cache_folder(cache_dir, use_cache))
    return make_classifier(model, runtime, weights, labels, resize, max_pixels, engine, preprocess)


def make_classifier(
    model: Model,
    runtime: Runtime,
    weights: PathName | None = None,
    labels: Labels | None = None,
    resize: str | None = None,
    max_pixels: int = MAX_PIXELS,
    engine: Engine | None = None,
    preprocess: str | None = None,
) -> Classifier:
    """As `load_classifier`, on a Runtime that is there already."""
    found = find_named(os.fspath(model)) if isinstance(model, PathName) else model
    if isinstance(found, OwnModel):
        _refuse(found.name, weights=weights)
        return _make_own(with_preprocess(found, preprocess), runtime, labels, resize, max_pixels, engine)
    if preprocess is not None:
        raise UsageError(
            f"--preprocess is for a model of one's own, in a file; {getattr(found, 'name', found)} knows its own way"
        )
    if isinstance(found, TrainedFolder):
        _refuse(found.name, weights=weights, labels=labels)
        transform = found.transform if resize is None else found.network.transform(resize)
        return Classifier(
            found.name, found.network, found.weights, found.labels, replace(transform, max_pixels=max_pixels),
            found.decision_threshold, found.folder, runtime, engine,
        )  # fmt: skip
    if not isinstance(found, ModelSpec):
        raise UsageError(f"model is {found!r}; give the name of a model, or the folder of a trained one")
    if not isinstance(weights, PathName | None):
        raise UsageError(f"weights is {weights!r}; give 'imagenet', 'none' or the path of a file")
    classes = _read_labels(labels)
    network = Network((found,), len(classes))
    transform = network.transform("crop" if resize is None else resize, max_pixels)
    named = Weights("imagenet" if weights is None else os.fspath(weights))
    return Classifier(found.name, network, named, classes, transform, runtime=runtime, engine=engine)


def _make_own(
    model: OwnModel,
    runtime: Runtime,
    labels: Labels | None,
    resize: str | None,
    max_pixels: int,
    engine: Engine | None,
) -> Classifier:
    """Return the classifier of a file; without labels, its classes are called by their positions, or as ImageNet's."""
    if model.is_saved_model:
        runtime = _on_openvino(model.name, runtime)
    classes = model.outline.classes
    names = [str(index) for index in range(classes)] if labels is None and classes != IMAGENET_CLASSES else labels
    network = Network((model,), classes)
    transform = network.transform("crop" if resize is None else resize, max_pixels)
    return Classifier(
        model.name, network, Weights(model.name), _read_labels(names), transform, runtime=runtime, engine=engine
    )


def _on_openvino(name: str, runtime: Runtime) -> Runtime:
    """Return what is to compute a SavedModel; raises UsageError for a backend that cannot."""
    if runtime.backend not in (AUTO, "openvino"):
        raise UsageError(
            f"--backend {runtime.backend} cannot go with --model {name}, a SavedModel: OpenVINO translates it, and "
            f"TensorFlow would execute whatever program it holds; {as_file(name)}"
        )
    return replace(runtime, backend="openvino")


def _refuse(name: str, **options: object) -> None:
    """Raise UsageError for an option that cannot go with a model."""
    for option, given in options.items():
        if given is not None:
            what = f" {given}" if isinstance(given, PathName) else ""
            raise UsageError(f"--{option}{what} cannot go with --model {name}, which brings its own")


def find_named(name: str) -> ModelSpec | TrainedFolder:
    """Return the registry's row of that name, or read the trained model in the folder, or the model in the file.

    Raises UsageError when there is none, or it is not whole.
    """
    try:
        return find_model(name)
    except UsageError as error:
        if is_own(name):
            return read_own(name)
        if os.path.isdir(name):
            return read_trained(name)
        if os.path.dirname(name):
            raise UsageError(
                f"{name} is not a folder; --model takes the name of a model, the folder of a trained one, or a Keras "
                "model's file (.keras, .h5)"
            ) from error
        raise


def _read_labels(labels: Labels | None) -> tuple[ClassLabel, ...]:
    """Return labels that are given as a file, as names, or as ClassLabels; by default ImageNet's."""
    if labels is None:
        return read_labels()
    if isinstance(labels, PathName):
        return read_labels(os.fspath(labels))
    if not isinstance(labels, Sequence) or not labels:
        raise UsageError(f"labels is {labels!r}; list the classes in the order of the model's outputs")
    return tuple(_to_label(index, label) for index, label in enumerate(labels))


def _to_label(index: int, label: ClassLabel | str) -> ClassLabel:
    parts = (str(index), label) if isinstance(label, str) else label
    if isinstance(parts, tuple) and len(parts) == 2 and all(isinstance(part, str) and part.strip() for part in parts):
        return ClassLabel(*parts)
    raise UsageError(f"label {index} is {label!r}; give the names of classes, or ClassLabels")
