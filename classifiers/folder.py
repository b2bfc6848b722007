"""The folder of a trained classifier: the model, its labels and what must be known to feed it right.

    model.keras  the whole network, as any Keras opens it: uint8 pictures in, probabilities out
    labels.txt   the classes' names, one a line, in the order of the model's outputs
    spec.json    the backbones, the head, the preprocessing, and the checksums of the other two
    backbone_1.json  what a backbone of one's own is built from, if there is one
    use_with_keras.py  a script that uses them without this suite

Plain data; imports no framework, and runs nothing that the folder holds.
"""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classifiers.spec_file import FORMAT, OWN, check_content, is_newer, shortened
from errors import UsageError
from files import sha256_of, write_whole
from labels import ClassLabel, read_labels
from models import MODELS, ModelSpec
from networks import Head, Network
from networks.own import OwnModel, read_kept_backbone
from networks.weights import Weights
from transforms import Transform

MODEL_FILE, LABELS_FILE, SPEC_FILE = "model.keras", "labels.txt", "spec.json"
USE_FILE = "use_with_keras.py"  # copied from beside this module
TRAINING_FILE, MANIFEST_FILE = "training.json", "manifest.csv"  # the options and the pictures that it was trained with
HISTORY_FILE, PLOT_FILE, TEST_FILE = "history.csv", "history.png", "test.json"  # how that went, for people
BACKBONE_FILES = "backbone_[0-9]*.json"  # a pattern: what backbones of one's own are built from
NOT_IN_A_NAME = r"[\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff]"  # control characters, half characters


@dataclass(frozen=True)
class TrainedFolder:
    """What a folder says of its classifier."""

    name: str  # what the user typed
    folder: Path
    network: Network
    weights: Weights
    labels: tuple[ClassLabel, ...]
    transform: Transform
    decision_threshold: float | None = None  # of two classes, the least score of the second that makes it the answer


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
    network: Network,
    class_names: Sequence[str],
    transform: Transform,
    version: str,
    training: dict[str, Any] | None = None,
    decision_threshold: float | None = None,
) -> TrainedFolder:
    """Make a trained classifier of a folder that has a model.keras: write all else, and last its spec.json.

    `version` is the suite's; `training`, any JSON, tells people how the model came about. The
    same arguments write the same bytes. Raises UsageError for names that labels cannot have.
    """
    check_class_names(class_names)
    own = _keep_backbones(folder, network)
    files = (MODEL_FILE, LABELS_FILE, *(kept["file"] for kept in own.values()))
    (folder / LABELS_FILE).write_text("".join(f"{name}\n" for name in class_names), encoding="utf-8", newline="\n")
    shutil.copyfile(Path(__file__).with_name(USE_FILE), folder / USE_FILE)
    content = {
        "format": FORMAT,
        "suite_version": version,
        "backbones": [spec.name for spec in network.backbones],
        **({OWN: own} if own else {}),
        "head": asdict(network.head or Head()),
        "classes": len(class_names),
        "preprocessing": {
            "input_size": transform.size,
            "resize": transform.resize,
            "crop_fraction": transform.crop_fraction,
            "interpolation": transform.interpolation,
        },
        "threshold": decision_threshold,
        "files": {name: _fingerprint(folder / name) for name in files},
        "training": training or {},
    }
    _write_spec(folder, content)
    return read_trained(folder)


def _keep_backbones(folder: Path, network: Network) -> dict[str, dict[str, str]]:
    """Write down what backbones of one's own are built from; return what spec.json says of them, by their names."""
    own = [spec for spec in network.backbones if isinstance(spec, OwnModel)]
    kept = {}
    for number, spec in enumerate(own, start=1):
        name = f"backbone_{number}.json"
        (folder / name).write_text(spec.description, encoding="utf-8")
        kept[spec.name] = {"file": name, "preprocess": spec.preprocess, "weights_sha256": spec.sha256}
    return kept


def save_decision_threshold(folder: Path, threshold: float) -> None:
    """Keep the least score of the second of two classes that makes it the answer; all else in spec.json stays.

    Raises UsageError when it cannot be written.
    """
    try:
        _write_spec(folder, _read_json(folder) | {"threshold": threshold})
    except (OSError, UsageError) as error:
        raise UsageError(f"the threshold {threshold:.4f} cannot be kept in {folder / SPEC_FILE}: {error}") from error


def _write_spec(folder: Path, content: dict[str, Any]) -> None:
    write_whole(folder / SPEC_FILE, json.dumps(content, indent=2) + "\n")


def read_trained(folder: str | Path) -> TrainedFolder:
    """Read the spec.json of a folder, and check its files as far as that takes no time.

    Raises UsageError when the folder is no trained model, is damaged, or was made by a newer version.
    `Weights.check_content` checks the largest file, once it is needed.
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
    labels_file, model_file = content["files"][LABELS_FILE], content["files"][MODEL_FILE]
    _check_file(folder, LABELS_FILE, labels_file["bytes"], labels_file["sha256"])
    _check_file(folder, MODEL_FILE, model_file["bytes"])
    labels = read_labels(Path(folder, LABELS_FILE))
    network = _network(folder, content)
    if len(labels) != network.classes:
        raise _damaged(folder, f"{LABELS_FILE} names {len(labels)} classes, and {SPEC_FILE} {network.classes}")
    transform = _transform(content["preprocessing"])
    if transform.size != network.input_size:
        raise _damaged(folder, f"pictures of {transform.size} pixels do not fit {network.name}")
    weights = Weights(str(Path(folder, MODEL_FILE)), model_file["sha256"])
    return TrainedFolder(str(folder), Path(folder), network, weights, labels, transform, content["threshold"])


def _network(folder: str | Path, content: dict[str, Any]) -> Network:
    head = content["head"]
    return Network(
        tuple(_backbone(folder, content, name) for name in content["backbones"]),
        content["classes"],
        Head(head["kind"], head["hidden_units"], head["dropout"]),
    )


def _backbone(folder: str | Path, content: dict[str, Any], name: str) -> ModelSpec:
    if name not in content.get(OWN, {}):
        return MODELS[name]
    kept = content[OWN][name]
    file = content["files"][kept["file"]]
    _check_file(folder, kept["file"], file["bytes"], file["sha256"])
    path = Path(folder, kept["file"])
    return read_kept_backbone(name, str(path), path.read_bytes(), kept["preprocess"])


def _transform(preprocessing: dict[str, Any]) -> Transform:
    return Transform(
        preprocessing["input_size"],
        preprocessing["resize"],
        preprocessing["crop_fraction"],
        preprocessing["interpolation"],
    )


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
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


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
