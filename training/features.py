"""Features of a data set's pictures: what frozen backbones compute from them, once, and then kept.

The fast engine computes them in a process of its own (`training.extract`), because Keras fixes its
backend when it is imported, and this process trains on another one.
"""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engines import BACKEND_PACKAGES, BUILT_IN_WEIGHTS
from errors import UsageError
from models import MODELS
from training.dataset import Picture
from training.store import FeatureStore, Key

ROOT = Path(__file__).resolve().parent.parent
CODE = ("preprocess.py", "training/views.py", "engines/*.py", "networks/*.py")  # that shapes features
PLAIN = "plain"  # the view of a picture that is classified


@dataclass(frozen=True)
class Recipe:
    """All that features are made with. Of it, `_name` tells which features they are."""

    models: tuple[str, ...]
    weights: str
    backend: str
    precision: str
    resize: str
    max_pixels: int
    ways: tuple[str, ...]  # of augmentation, for views other than PLAIN
    device: str
    workers: int
    batch_size: int
    folder: str  # where features are kept
    engine_cache: str | None  # where compiled models are kept
    quiet: bool = False
    debug: bool = False

    @property
    def store(self) -> Path:
        """The file that keeps these features."""
        return Path(self.folder, f"features-{hashlib.sha256(json.dumps(_name(self)).encode()).hexdigest()[:32]}.sqlite")


def _name(recipe: Recipe) -> dict:
    """Name what features are made of. The code and the versions count, too: a change in them computes anew."""
    weights = recipe.weights
    if weights not in BUILT_IN_WEIGHTS:
        with open(weights, "rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
    code = b"".join(path.read_bytes() for pattern in CODE for path in sorted(ROOT.glob(pattern)))
    packages = ("keras", BACKEND_PACKAGES[recipe.backend], "numpy", "pillow")
    return {
        "models": [repr(MODELS[name]) for name in recipe.models],
        "weights": weights,
        "backend": recipe.backend,
        "precision": recipe.precision,
        "resize": recipe.resize,
        "max_pixels": recipe.max_pixels,
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "code": hashlib.sha256(code).hexdigest(),
    }


def view_names(ways: Sequence[str], count: int) -> list[str]:
    """Return the names of the views of a training picture: the picture itself, and `count` altered ones."""
    return [PLAIN, *(f"{'+'.join(ways)} {number}" for number in range(1, count + 1))] if ways else [PLAIN]


class Extraction:
    """The child process that computes what the store lacks, while the caller imports a framework."""

    def __init__(self, recipe: Recipe, pictures: dict[str, str], keys: Sequence[Key]) -> None:
        """Start it; `pictures` is {digest: path}, `keys` are the digests and views that are wanted."""
        store = FeatureStore(recipe.store)
        self.missing = store.missing(keys)
        store.close()
        self._process = None
        if self.missing:
            jobs = [(digest, pictures[digest], view) for digest, view in self.missing]
            with tempfile.TemporaryFile("w+", encoding="utf-8") as order:
                json.dump({"recipe": asdict(recipe), "jobs": jobs}, order)
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
        output = self._process.stdout.read()
        self._process.wait()
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


def load_features(recipe: Recipe, pictures: Sequence[Picture], views: Sequence[str]) -> np.ndarray:
    """Return float32 [pictures * views, F] from the store: the pictures in order, for one view after the other."""
    store = FeatureStore(recipe.store)
    rows = [store.get((picture.digest, view)) for view in views for picture in pictures]
    store.close()
    return np.stack(rows)
