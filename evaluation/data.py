"""Which pictures are evaluated, and which ones a threshold is chosen on."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import UsageError
from labels.classes import ClassIndex
from sources.labelled import (
    LabelledData,
    LabelledPictures,
    from_pairs,
    match_classes,
    read_folder,
    read_labels_csv,
)
from sources.paths import Search
from sources.splits import TEST, TRAIN, VALIDATION

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
    labels_csv: str | None  # the file that listed them, if it did
    rows: tuple[tuple[str, str, str], ...]  # path, label, and "train", "validation" or "test"

    def part(self, split: str) -> list[tuple[str, str]]:
        """Return the paths and labels of one split."""
        return [(path, label) for path, label, other in self.rows if other == split]

    def is_of(self, data: str) -> bool:
        """Return whether this folder or CSV file is what the classifier was trained from."""
        return os.path.realpath(data) in {os.path.realpath(name) for name in (self.folder, self.labels_csv) if name}


def find_data(
    data: str | None,
    labels_csv: str | None,
    validation: str | None,
    classes: ClassIndex,
    trained: Sequence[Path] = (),
    search: Search = Search(),
) -> Data:
    """Return the pictures that options name; `trained` are the folders of the trained models.

    Of what names its test pictures, and of what a model was trained from, only the test pictures are
    evaluated. Unless `validation` names them, validation pictures are those of the same. Raises
    UsageError as the readers of `sources.labelled` do.
    """
    manifest = read_manifest(trained)
    given = _read(data, labels_csv, manifest, classes, search)
    test = match_classes(_test_part(given, manifest), classes)
    evaluated = test.name if TEST in given.parts else given.name
    if validation and os.path.realpath(validation) == os.path.realpath(evaluated):
        raise UsageError(f"--validation {validation} is what is evaluated; a threshold is chosen on other pictures")
    others = _find_validation(validation, given, manifest, classes, search)
    return Data(test, match_classes(others, classes) if others else None, _count_trained_on(test, manifest))


def _read(
    data: str | None, labels_csv: str | None, manifest: Manifest | None, classes: ClassIndex, search: Search
) -> LabelledData:
    if labels_csv:
        return read_labels_csv(labels_csv, data, search)
    assert data is not None  # one of both is given
    if manifest is None or not manifest.is_of(data):
        return read_folder(data, classes, search)
    if manifest.labels_csv:  # the folder alone does not tell which pictures it was
        return from_pairs(data, [(path, label) for path, label, _split in manifest.rows])
    return read_folder(data, search=search)  # as the training read it


def _test_part(given: LabelledData, manifest: Manifest | None) -> LabelledData:
    """Return the test pictures of what is given, or all of it where nothing says which they are."""
    if TEST in given.parts:
        return given.part(TEST)
    if manifest and manifest.is_of(given.name) and (rows := manifest.part(TEST)):
        return from_pairs(f"{given.name} (test pictures)", rows)
    if given.parts:
        there = " and ".join(sorted(given.parts))
        raise UsageError(
            f"{given.name} has {there}, but no test pictures; give those to evaluate alone, as "
            f"--data {next(iter(given.parts.values()))}"
        )
    return given


def _find_validation(
    named: str | None, given: LabelledData, manifest: Manifest | None, classes: ClassIndex, search: Search
) -> LabelledData | None:
    if named:
        found = read_folder(named, classes, search) if os.path.isdir(named) else read_labels_csv(named, None, search)
        if found.parts and VALIDATION not in found.parts:
            there = " and ".join(sorted(found.parts))
            raise UsageError(f"--validation {named} has {there}, but no validation pictures; give those alone")
        return found.part(VALIDATION) if found.parts else found
    if VALIDATION in given.parts:
        return given.part(VALIDATION)
    if manifest and (rows := manifest.part(VALIDATION)) and os.path.exists(rows[0][0]):
        return from_pairs(f"{manifest.folder} (validation pictures)", rows)
    return None


def _count_trained_on(test: LabelledPictures, manifest: Manifest | None) -> int:
    if manifest is None:
        return 0
    trained_on = {os.path.abspath(path) for path, _label in manifest.part(TRAIN)}
    return sum(os.path.abspath(path) in trained_on for path, _index in test)


def read_manifest(trained: Sequence[Path]) -> Manifest | None:
    """Return what models were trained on, when their folders tell and agree; raises UsageError for damaged ones."""
    found = {_read_manifest(folder) for folder in trained}
    return found.pop() if len(found) == 1 else None


def _read_manifest(model: Path) -> Manifest | None:
    try:
        told = json.loads((model / TRAINING_FILE).read_text(encoding="utf-8"))
        with open(model / MANIFEST_FILE, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = [row for row in csv.DictReader(file) if not row["skipped"]]
        return Manifest(
            told["data"],
            told.get("labels_csv"),
            tuple((os.path.join(told["data"], row["path"]), row["class"], row["split"]) for row in rows),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"the list of pictures that {model} was trained on cannot be read ({error!r}); get a whole copy of the "
            f"folder, or remove its {MANIFEST_FILE}"
        ) from error
