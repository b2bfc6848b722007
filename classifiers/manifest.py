"""manifest.csv: which pictures a classifier was trained on, validated on and tested on."""

import csv
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from classifiers.folder import MANIFEST_FILE, TRAINING_FILE
from errors import UsageError

MANIFEST_COLUMNS = ["path", "class", "split", "digest", "skipped"]  # the fields of a Picture


@dataclass(frozen=True)
class Picture:
    """One file of the data set: a row of the manifest."""

    path: str  # relative to the data folder, with forward slashes; absolute when a CSV file names it so
    label: str  # its class
    split: str = ""  # one of sources.splits.SPLITS; "" until `split_pictures` has chosen
    digest: str = ""  # SHA-256 of its bytes
    skipped: str = ""  # why it is left out


@dataclass(frozen=True)
class TrainedFrom:
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


def write_manifest(path: Path, pictures: Iterable[Picture]) -> None:
    """Save every picture with its class, its split, and why it was left out, as CSV."""
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MANIFEST_COLUMNS)
        writer.writerows(map(astuple, pictures))


def read_manifest(path: Path) -> list[Picture]:
    """Read what `write_manifest` saved; raises UsageError when it is not that."""
    try:
        return _read_rows(path)
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise UsageError(f"the manifest {path} is damaged: {error}") from error


def _read_rows(path: Path) -> list[Picture]:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        header, *rows = csv.reader(file)
    if header != MANIFEST_COLUMNS:
        raise ValueError(f"its columns are {', '.join(header)}")
    return [Picture(*row) for row in rows]


def read_origin(trained: Sequence[Path]) -> TrainedFrom | None:
    """Return what models were trained from, when their folders tell and agree; raises UsageError for damaged ones."""
    found = {_read_origin(folder) for folder in trained}
    return found.pop() if len(found) == 1 else None


def _read_origin(model: Path) -> TrainedFrom | None:
    try:
        told = json.loads((model / TRAINING_FILE).read_text(encoding="utf-8"))
        used = [picture for picture in _read_rows(model / MANIFEST_FILE) if not picture.skipped]
        rows = tuple((os.path.join(told["data"], one.path), one.label, one.split) for one in used)
        return TrainedFrom(told["data"], told.get("labels_csv"), rows)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UsageError(
            f"the list of pictures that {model} was trained on cannot be read ({error!r}); get a whole copy of the "
            f"folder, or remove its {MANIFEST_FILE}"
        ) from error
