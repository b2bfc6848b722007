"""Features of a data set's pictures: what frozen backbones compute from them, once, and then kept.

The fast engine computes them in a process of its own (`training.extract`), because Keras fixes its
backend when it is imported, and this process trains on another one.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifiers.manifest import Picture
from engines.backends import BACKENDS
from engines.model_cache import GRAPH_CODE
from engines.runtime import Runtime
from errors import UsageError
from files import hash_of_code, sha256_of
from networks import Network
from networks.weights import Weights
from training.store import FeatureStore, Key
from transforms import Transform

ROOT = Path(__file__).resolve().parent.parent
CODE = ("preprocess", "training.views", "engines.openvino_engine", "engines.keras_engine", *GRAPH_CODE)
PLAIN = "plain"  # the view of a picture that is classified

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class FeatureSet:
    """All that features are made with. Of it, `_name` tells which features they are."""

    network: Network  # that ends with its features
    weights: Weights
    transform: Transform
    runtime: Runtime  # with a backend that is not "auto"
    augmentations: tuple[str, ...]  # of views other than PLAIN
    folder: Path  # where features are kept

    @property
    def alone(self) -> tuple["FeatureSet", ...]:
        """The features of each backbone, which are kept by themselves: another run may join it with others."""
        return tuple(replace(self, network=network) for network in self.network.alone)

    @property
    def store(self) -> Path:
        """The file that keeps these features, of one backbone."""
        kind = "maps" if self.network.cuts else "features"
        return self.folder / f"{kind}-{hashlib.sha256(json.dumps(_name(self)).encode()).hexdigest()[:32]}.sqlite"

    @property
    def dtype(self) -> str:
        """What they are kept in: there is a lot of what goes through cuts, and half of the digits are enough."""
        return "float16" if self.network.cuts else "float32"


def _name(features: FeatureSet) -> dict:
    """Name what features are made of. The code and the versions count, too: a change in them computes anew."""
    weights, runtime = features.weights.source, features.runtime
    if features.weights.is_file:
        weights = sha256_of(weights)
    packages = ("keras", BACKENDS[runtime.backend].package, "numpy", "pillow")
    return {
        "network": repr(features.network),
        "weights": weights,
        "backend": runtime.backend,
        "precision": runtime.precision,
        "transform": repr(features.transform),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "code": hash_of_code(CODE),
    }


def view_names(augmentations: Sequence[str], count: int) -> list[str]:
    """Return the names of the views of a training picture: the picture itself, and `count` augmented ones."""
    augmented = [f"{'+'.join(augmentations)} {number}" for number in range(1, count + 1)] if augmentations else []
    return [PLAIN, *augmented]


class Extraction:
    """The child process that computes what the store lacks, while the caller imports a framework."""

    def __init__(self, features: FeatureSet, pictures: dict[str, str], keys: Sequence[Key]) -> None:
        """Start it; `pictures` is {digest: path}, `keys` are the digests and views that are wanted."""
        sets: dict[tuple[Key, ...], list[FeatureSet]] = {}  # those that lack the same are computed together
        for one in features.alone:
            store = FeatureStore(one.store, one.dtype)
            sets.setdefault(tuple(store.missing(keys)), []).append(one)
            store.close()
        self.missing = {key for missing in sets for key in missing}
        self._process: subprocess.Popen[str] | None = None
        if self.missing:
            tasks = [
                (together, [(digest, pictures[digest], view) for digest, view in missing])
                for missing, together in sets.items()
                if missing
            ]
            with tempfile.TemporaryFile() as order:
                pickle.dump((tasks, logger.level, os.getpid()), order)
                order.seek(0)
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "training.extract"],
                    cwd=ROOT, stdin=order, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, encoding="utf-8",
                    start_new_session=True,  # Ctrl-C is for the parent, who ends it
                )  # fmt: skip

    def wait(self) -> dict[str, str]:
        """Wait for its end and return why pictures are unreadable: {digest: reason}; raises UsageError."""
        if self._process is None:
            return {}
        output, _ = self._process.communicate()
        try:
            answer = json.loads(output.strip().rpartition("\n")[2])
        except ValueError as error:
            raise UsageError(
                f"the process that computes features ended with exit code {self._process.returncode} "
                "(-9: was there too little memory?); --debug shows more"
            ) from error
        if "error" in answer:
            raise UsageError(answer["error"])
        return answer["unreadable"]

    def stop(self) -> None:
        """End the process at once; what it has computed is kept."""
        if self._process:
            self._process.kill()
            self._process.wait()


def load_features(features: FeatureSet, pictures: Sequence[Picture], views: Sequence[str]) -> list[np.ndarray]:
    """Return each backbone's float32 features [views, pictures, F] from the store."""
    return [_load_alone(one, pictures, views) for one in features.alone]


def _load_alone(features: FeatureSet, pictures: Sequence[Picture], views: Sequence[str]) -> np.ndarray:
    store = FeatureStore(features.store, features.dtype)
    rows = []
    for view in views:
        for picture in pictures:
            row = store.get((picture.digest, view))
            if row is None:
                raise UsageError(f"the features of {picture.path} are no longer in {features.store}; run again")
            rows.append(row)
    store.close()
    return np.stack(rows).reshape(len(views), len(pictures), -1)
