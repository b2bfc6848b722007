"""Where a network's numbers come from, and telling a usable file from one that only looks like it.

Imports no framework.
"""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from errors import UsageError
from files import sha256_of
from models import MODELS, ModelSpec, plain
from networks import Network
from networks.weights_package import find_weights

BUILT_IN_WEIGHTS = ("imagenet", "none")
IMAGENET_CLASSES = 1000
WEIGHTS_SUFFIXES = (".h5", ".hdf5", ".keras")  # .weights.h5 ends in .h5, too
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Weights:
    """What the weights of a network are."""

    source: str = "imagenet"  # one of BUILT_IN_WEIGHTS ("none": random), or the path of a file
    sha256: str = ""  # of the file, where it must be the very one that a trained classifier was saved with

    @property
    def is_file(self) -> bool:
        """Whether they come from a file that the user names."""
        return self.source not in BUILT_IN_WEIGHTS

    def check(self, network: Network) -> None:
        """Raise UsageError when they cannot be those of a network; the file's content is judged when it is loaded."""
        if self.source == "imagenet" and network.head is None and network.classes not in (None, IMAGENET_CLASSES):
            raise UsageError(
                f"the ImageNet weights have {IMAGENET_CLASSES} classes, but the labels name {network.classes}; "
                "give your own weights with --weights FILE, or leave out --labels"
            )
        is_saved_model = os.path.isdir(self.source) and not network.backbones[0].class_name  # and was checked
        if not self.is_file or self.sha256 or is_saved_model:
            return
        check_weights_file(self.source)
        if len(network.backbones) > 1:
            raise UsageError(
                f"--weights {self.source} is one file, but there are {len(network.backbones)} backbones; "
                "use one backbone with it"
            )

    def check_content(self) -> None:
        """Raise UsageError unless a trained classifier's file is, byte for byte, the one that it was saved with."""
        path = Path(self.source)
        try:
            is_right = sha256_of(path) == self.sha256
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        if not is_right:
            raise UsageError(
                f"the model {path.parent} is damaged: {path.name} is not the file that spec.json was written for; "
                "get a whole copy of the folder, or train it again"
            )

    def files(self, network: Network) -> list[Path]:
        """Return the files that a network's weights come from, as far as they are there already.

        For a Keras application these are the downloads that have its name in theirs.
        """
        if self.is_file:
            path = Path(self.source).resolve()
            return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        if self.source == "none":
            return []
        return [path for spec in network.backbones for path in imagenet_files(spec)]


def check_weights_file(path: str) -> None:
    """Raise UsageError unless `path` is a whole HDF5 (.h5) or Keras (.keras) file."""
    if not os.path.exists(path):
        raise UsageError(f"no such weights file: {path} (--weights takes a file, 'imagenet' or 'none')")
    if not os.path.isfile(path):
        raise UsageError(f"{path} is not a file; --weights takes a .h5, .weights.h5 or .keras file")
    if not path.endswith(WEIGHTS_SUFFIXES):
        raise UsageError(f"the weights file {path} has to end in .h5, .weights.h5 or .keras, as Keras saves them")
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        raise UsageError(f"cannot read the weights file {path}: {error.strerror}") from error
    if head.startswith(b"version https://git-lfs"):
        raise UsageError(f"the weights file {path} is a Git LFS pointer, not the weights; run `git lfs pull`")
    if not head:
        raise UsageError(f"the weights file {path} is empty")
    if path.endswith(".keras"):
        import zipfile  # takes a fiftieth of a second, needed only here

        whole = zipfile.is_zipfile(path)
    else:
        whole = head.startswith(HDF5_SIGNATURE) and opens_as_hdf5(path)
    if not whole:
        raise UsageError(f"the weights file {path} is truncated or damaged, or not in Keras's format; get it again")


def keras_weights_folder() -> Path:
    """Return where Keras keeps its downloads: under /tmp when it may not write to its home."""
    home = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))
    if not os.access(home, os.W_OK):
        home = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    return home / "models"


def imagenet_files(spec: ModelSpec) -> list[Path]:
    """Return the files of a model's own weights, or of its ImageNet weights that are there already."""
    if spec.weights_package:
        return [find_weights(spec.weights_package)]
    if spec.weights_file:
        return [Path(spec.weights_file)]
    files = [path for path in sorted(keras_weights_folder().glob("*")) if path.is_file()]
    return [path for path in files if plain(spec.name) in plain(path.name)]


def has_imagenet_weights(spec: ModelSpec) -> bool:
    """Return whether a model's ImageNet weights, with its last layer, are there without a download."""
    if spec.weights_package:
        with contextlib.suppress(UsageError):
            return find_weights(spec.weights_package).exists()
        return False
    return any(_model_named(path.name) == spec.name for path in keras_weights_folder().glob("*.h5"))


def _model_named(file_name: str) -> str:
    """Return the model that a download of Keras's is named after: of resnet50 and resnet50_v2, the longer."""
    if "notop" in plain(file_name):
        return ""
    return max((name for name in MODELS if plain(name) in plain(file_name)), key=len, default="")


def opens_as_hdf5(path: str | os.PathLike) -> bool:
    """Return whether HDF5 finds a whole file of its own there."""
    import h5py  # takes a tenth of a second, needed only here

    try:
        h5py.File(path).close()
    except OSError:
        return False
    return True
