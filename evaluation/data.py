"""Which pictures are evaluated, and which ones a threshold is chosen on."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import UsageError
from evaluation.labelled import LabelledPictures, find_labelled, find_splits, from_pairs, read_labels_csv
from labels.classes import ClassIndex

MANIFEST_FILE, TRAINING_FILE = "manifest.csv", "training.json"  # of a trained model's folder


@dataclass(frozen=True)
class Data:
    """Labelled pictures that a model is judged on, and others to choose a threshold on."""

    test: LabelledPictures
    validation: LabelledPictures | None
    trained_on: int = 0  # of the test pictures, those that a model was trained on


@dataclass(frozen=True)
class Manifest:
    """What a classifier was trained on, as its folder tells."""

    folder: str  # of the pictures
    rows: tuple[tuple[str, str, str], ...]  # path, label, and "train", "validation" or "test"

    def part(self, split: str) -> list[tuple[str, str]]:
        """Return the paths and labels of one split."""
        return [(path, label) for path, label, other in self.rows if other == split]


def find_data(
    data: str | None,
    labels_csv: str | None,
    validation: str | None,
    classes: ClassIndex,
    trained: Sequence[Path] = (),
) -> Data:
    """Return the pictures that options name; `trained` are the folders of the trained models.

    Of a folder with train/, validation/ and test/, and of the folder that a model was trained
    from, only the test pictures are evaluated. Unless `validation` names them, validation pictures
    are those of that folder. Raises UsageError as `find_labelled` does.
    """
    manifest = read_manifest(trained)
    splits = find_splits(data, classes) if data and not labels_csv else {}
    if labels_csv:
        test = read_labels_csv(labels_csv, data, classes)
    elif splits:
        test = find_labelled(splits["test"], classes)
    elif manifest and manifest.part("test") and os.path.realpath(data) == os.path.realpath(manifest.folder):
        test = from_pairs(f"{data} (test pictures)", manifest.part("test"), classes)
    else:
        test = find_labelled(data, classes)
    if validation and data and os.path.realpath(validation) == os.path.realpath(splits.get("test", data)):
        raise UsageError(f"--validation {validation} is what is evaluated; a threshold is chosen on other pictures")
    return Data(test, _find_validation(validation, splits, manifest, classes), _count_trained_on(test, manifest))


def _find_validation(
    given: str | None, splits: dict[str, str], manifest: Manifest | None, classes: ClassIndex
) -> LabelledPictures | None:
    if given:
        return find_labelled(given, classes) if os.path.isdir(given) else read_labels_csv(given, None, classes)
    if "validation" in splits:
        return find_labelled(splits["validation"], classes)
    if manifest and (rows := manifest.part("validation")) and os.path.exists(rows[0][0]):
        return from_pairs(f"{manifest.folder} (validation pictures)", rows, classes)
    return None


def _count_trained_on(test: LabelledPictures, manifest: Manifest | None) -> int:
    if manifest is None:
        return 0
    trained_on = {os.path.abspath(path) for path, _label in manifest.part("train")}
    return sum(os.path.abspath(path) in trained_on for path, _index in test)


def read_manifest(trained: Sequence[Path]) -> Manifest | None:
    """Return what models were trained on, when their folders tell and agree; raises UsageError for damaged ones."""
    found = {_read_manifest(folder) for folder in trained}
    return found.pop() if len(found) == 1 else None


def _read_manifest(model: Path) -> Manifest | None:
    try:
        folder = json.loads((model / TRAINING_FILE).read_text(encoding="utf-8"))["data"]
        with open(model / MANIFEST_FILE, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = [row for row in csv.DictReader(file) if not row["skipped"]]
        return Manifest(folder, tuple((os.path.join(folder, row["path"]), row["class"], row["split"]) for row in rows))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"the list of pictures that {model} was trained on cannot be read ({error!r}); get a whole copy of the "
            f"folder, or remove its {MANIFEST_FILE}"
        ) from error
