"""A trained classifier: a folder with the model, its labels and what must be known to feed it right.

    model.keras  the whole network, as any Keras opens it: uint8 pictures in, probabilities out
    labels.txt   the classes' names, one a line, in the order of the model's outputs
    spec.json    the backbones, the head, the preprocessing, and the checksums of the other two

Plain data; imports no framework, and runs nothing that the folder holds.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from errors import UsageError
from labels import read_labels
from models import MODELS, ModelSpec, find_model
from trained.content import FORMAT, check_content, is_newer, shortened
from trained.content import HEADS as HEADS

MODEL_FILE, LABELS_FILE, SPEC_FILE = "model.keras", "labels.txt", "spec.json"
NOT_IN_A_NAME = r"[\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff]"  # control characters, half characters


@dataclass(frozen=True)
class Backbones:
    """Registry models whose pooled features are joined, in this order; they share one picture."""

    models: tuple[ModelSpec, ...]

    @property
    def name(self) -> str:
        """All names, as in "resnet50+xception"."""
        return "+".join(spec.name for spec in self.models)

    @property
    def largest(self) -> ModelSpec:
        """The first of those with the largest input; the picture is made for it."""
        return max(self.models, key=lambda spec: spec.input_size)

    @property
    def input_size(self) -> int:
        """Side of the square that goes in, pixels; networks that take less make it smaller themselves."""
        return self.largest.input_size

    @property
    def crop_fraction(self) -> float | None:
        """As in ModelSpec."""
        return self.largest.crop_fraction

    @property
    def interpolation(self) -> str:
        """As in ModelSpec."""
        return self.largest.interpolation


@dataclass(frozen=True)
class Head:
    """What turns features into probabilities: one dense layer, or two with ReLU between them."""

    kind: str = "linear"
    hidden_units: int = 256  # of an mlp
    dropout: float = 0.0  # before each dense layer


@dataclass(frozen=True)
class TrainedSpec:
    """A trained classifier as the user names it, and all that must be known to feed it right."""

    name: str  # what the user types after --model
    folder: Path
    backbones: Backbones
    head: Head
    classes: int
    input_size: int  # side of the square, pixels
    crop_fraction: float | None  # as in ModelSpec
    interpolation: str
    resize: str
    model_bytes: int
    model_sha256: str
    threshold: float | None = None  # of two classes, the least probability of the second that makes it the answer

    @property
    def weights_file(self) -> Path:
        """The whole Keras model."""
        return self.folder / MODEL_FILE

    @property
    def labels_file(self) -> Path:
        """The classes' names."""
        return self.folder / LABELS_FILE


Spec = ModelSpec | TrainedSpec | Backbones  # what an engine can be made for, and a picture


def registry_rows(spec: Spec) -> tuple[ModelSpec, ...]:
    """Return the registry's rows that a model is made of."""
    if isinstance(spec, ModelSpec):
        return (spec,)
    return (spec.backbones if isinstance(spec, TrainedSpec) else spec).models


def join_backbones(models: Sequence[ModelSpec]) -> Backbones:
    """Return models as one; raises UsageError when there is none, or one twice."""
    names = [spec.name for spec in models]
    if not names:
        raise UsageError("no backbone given; name a model of the registry (see --list-models)")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"the backbone {', '.join(twice)} is given twice; its features need only be there once")
    return Backbones(tuple(models))


def check_class_names(names: Sequence[str]) -> None:
    """Raise UsageError for a name that a labels file cannot hold, or that two classes have."""
    for name in names:
        if not name or name != name.strip() or re.search(NOT_IN_A_NAME, name):
            raise UsageError(
                f"{name!r} cannot name a class: a labels file has one name a line, without control characters "
                "and blanks at its ends; rename the class's folder"
            )
        if names.count(name) > 1:
            raise UsageError(f"two classes are called {name!r}; every class needs a name of its own")


def write_trained(
    folder: Path,
    backbones: Backbones,
    head: Head,
    class_names: Sequence[str],
    resize: str,
    version: str,
    training: dict[str, Any] | None = None,
    threshold: float | None = None,
) -> TrainedSpec:
    """Make a folder that holds a model.keras a trained classifier: write its labels, and then its spec.json.

    `version` is the suite's; `training`, any JSON, tells people how the model came about. The
    same arguments write the same bytes. Raises UsageError for names that labels cannot have.
    """
    check_class_names(class_names)
    (folder / LABELS_FILE).write_text("".join(f"{name}\n" for name in class_names), encoding="utf-8", newline="\n")
    content = {
        "format": FORMAT,
        "suite_version": version,
        "backbones": [spec.name for spec in backbones.models],
        "head": asdict(head),
        "classes": len(class_names),
        "preprocessing": {
            "input_size": backbones.input_size,
            "resize": resize,
            "crop_fraction": backbones.crop_fraction,
            "interpolation": backbones.interpolation,
        },
        "threshold": threshold,
        "files": {name: _fingerprint(folder / name) for name in (MODEL_FILE, LABELS_FILE)},
        "training": training or {},
    }
    unfinished = folder / f".unfinished-{SPEC_FILE}"
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
    unfinished.replace(folder / SPEC_FILE)
    return read_trained(folder)


def find_spec(name: str) -> ModelSpec | TrainedSpec:
    """Return the registry's row of that name, or read the trained model in the folder of that name.

    Raises UsageError when there is neither, or the folder is no whole trained model.
    """
    try:
        return find_model(name)
    except UsageError as error:
        if os.path.isdir(name):
            return read_trained(name)
        if os.path.dirname(name):
            raise UsageError(f"{name} is no folder; --model takes the folder of a trained model, or a name") from error
        raise


def read_trained(folder: str | Path) -> TrainedSpec:
    """Read what a folder says of its model, and check its files as far as that takes no time.

    Raises UsageError when the folder is no trained model, is damaged, or was made by a newer version.
    `check_model_file` checks the largest file, once it is needed.
    """
    content = _read_json(folder)
    if is_newer(content):
        raise UsageError(
            f"the model {folder} was made by a newer version of this suite ({shortened(content.get('suite_version'))}, "
            f"format {content['format']}; this one reads format {FORMAT}); update the suite"
        )
    try:
        check_content(content)
    except ValueError as error:
        raise _damaged(folder, f"in {SPEC_FILE}, {error}") from error
    labels, spec = content["files"][LABELS_FILE], _to_spec(content, folder)
    _check_file(folder, LABELS_FILE, labels["bytes"], labels["sha256"])
    _check_file(folder, MODEL_FILE, spec.model_bytes)
    if (count := len(read_labels(spec.labels_file))) != spec.classes:
        raise _damaged(folder, f"{LABELS_FILE} names {count} classes, and {SPEC_FILE} {spec.classes}")
    if spec.input_size != spec.backbones.input_size:
        raise _damaged(folder, f"pictures of {spec.input_size} pixels do not fit {spec.backbones.name}")
    return spec


def _to_spec(content: dict[str, Any], folder: str | Path) -> TrainedSpec:
    preprocessing, head, model = content["preprocessing"], content["head"], content["files"][MODEL_FILE]
    return TrainedSpec(
        name=str(folder),
        folder=Path(folder),
        backbones=Backbones(tuple(MODELS[name] for name in content["backbones"])),
        head=Head(head["kind"], head["hidden_units"], head["dropout"]),
        classes=content["classes"],
        input_size=preprocessing["input_size"],
        crop_fraction=preprocessing["crop_fraction"],
        interpolation=preprocessing["interpolation"],
        resize=preprocessing["resize"],
        model_bytes=model["bytes"],
        model_sha256=model["sha256"],
        threshold=content["threshold"],
    )


def check_model_file(spec: TrainedSpec) -> None:
    """Raise UsageError unless model.keras is, byte for byte, the one that the folder was written with."""
    _check_file(spec.folder, MODEL_FILE, spec.model_bytes, spec.model_sha256)


def _read_json(folder: str | Path) -> dict[str, Any]:
    path = Path(folder, SPEC_FILE)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder} holds no trained model: {SPEC_FILE} is missing; "
            "give a folder that train_classifier.py has finished"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, f"{SPEC_FILE} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise _damaged(folder, f"{SPEC_FILE} is not a JSON object")
    return content


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _check_file(folder: str | Path, name: str, size: int, sha256: str | None = None) -> None:
    """Raise UsageError unless a file has its size, and its checksum when that is given."""
    path = Path(folder, name)
    try:
        if path.stat().st_size != size:
            raise _damaged(folder, f"{name} has {path.stat().st_size:,} bytes, not {size:,}")
        if sha256 is not None and _fingerprint(path)["sha256"] != sha256:
            raise _damaged(folder, f"{name} is not the file that {SPEC_FILE} was written for")
    except FileNotFoundError as error:
        raise _damaged(folder, f"{name} is missing") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _damaged(folder: str | Path, reason: str) -> UsageError:
    return UsageError(f"the model {folder} is damaged: {reason}; get a whole copy of the folder, or train it again")
