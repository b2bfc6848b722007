"""What makes an index's vectors: a backbone's pooled features of unit length, and what says which backbone it was."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import Classifier
from classifiers.load import make_classifier
from engines import Engine, LazyEngine
from engines.runtime import Runtime
from errors import UsageError
from files import sha256_of
from networks import Network
from networks.own import OwnModel
from settings import MAX_PIXELS
from similarity.search import unit
from transforms import Transform


@dataclass(frozen=True)
class Maker:
    """Makes vectors of squares; nothing is loaded before the first one."""

    about: dict[str, Any]  # what tells it from others, as JSON; an index is searched with the vectors of its own only
    transform: Transform
    engine: Engine

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, S, S, 3] -> float32 features of unit length [N, D]."""
        return unit(self.engine.predict(pixels))


def maker_of(classifier: Classifier) -> Maker:
    """Return what makes vectors with the backbone of a classifier; raises UsageError for a file of one's own."""
    network = features_of(classifier.network)
    engine = LazyEngine(network, classifier.weights, classifier.runtime)
    return Maker(about(classifier), classifier.transform, engine)


def features_of(network: Network) -> Network:
    """Return the part of a network that ends with its pooled features."""
    if network.head is not None:
        return replace(network, part="features")
    for spec in network.backbones:
        refuse_own(spec)
    return Network(network.backbones)


def refuse_own(model: object) -> None:
    """Raise UsageError for a Keras model in a file, which the index would need for as long as it is used."""
    if isinstance(model, OwnModel):
        raise UsageError(
            f"{model.name} is a Keras model of one's own; give --model a model of the registry, or the folder of a "
            "classifier that train_classifier.py has trained on it"
        )


def about(classifier: Classifier) -> dict[str, Any]:
    """Say what makes vectors: the model, its weights and how pictures become squares."""
    weights, transform = classifier.weights, asdict(classifier.transform)
    transform.pop("max_pixels")  # decides which pictures are taken, not what they become
    return {
        "model": os.path.abspath(classifier.folder) if classifier.folder else classifier.name,
        "backbones": [spec.name for spec in classifier.network.backbones],
        "weights": f"sha256 {weights.sha256 or sha256_of(weights.source)}" if weights.is_file else weights.source,
        "weights_file": "" if classifier.folder or not weights.is_file else os.path.abspath(weights.source),
        "transform": transform,
    }


def maker_again(made_with: dict[str, Any], folder: Path, runtime: Runtime, max_pixels: int = MAX_PIXELS) -> Maker:
    """Return what made an index; raises UsageError when that is no longer there, or is another one now."""
    try:
        classifier = make_classifier(
            made_with["model"], runtime, made_with["weights_file"] or None, None, made_with["transform"]["resize"],
            max_pixels,
        )  # fmt: skip
    except UsageError as error:
        raise UsageError(f"what made the index {folder} cannot be loaded again: {error}") from error
    check_same(made_with, about(classifier), folder)
    return maker_of(classifier)


def check_same(made_with: dict[str, Any], given: dict[str, Any], folder: Path) -> None:
    """Raise UsageError when an index was made with something else than what is given."""
    for what in ("backbones", "weights", "transform"):
        if made_with[what] != given[what]:
            raise UsageError(
                f"the index {folder} was made by {made_with['model']} (its {what}: {_shown(made_with[what])}), and not "
                f"by {given['model']} ({_shown(given[what])}), whose vectors mean something else; leave out --model, "
                "or build another index"
            )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return "+".join(value) if isinstance(value, list) else str(value)
