"""manifest.csv: which pictures a classifier was trained on, validated on and tested on."""

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

from classifiers.folder import MANIFEST_FILE, TRAINING_FILE
from errors import UsageError
from sources.splits import TEST

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

    folder: str | None  # of the pictures; None where that is not told
    labels_csv: str | None  # the file that listed them, if it did
    used: tuple[Picture, ...]  # all but those that were left out

    def part(self, *splits: str) -> list[tuple[str, str]]:
        """Return the whole paths and the labels of some splits; nothing where the folder is not known."""
        if self.folder is None:
            return []
        return [(os.path.join(self.folder, one.path), one.label) for one in self.used if one.split in splits]

    @cached_property
    def known(self) -> frozenset[str]:
        """The digests of what is no news to the classifier: what it was fitted to, and what it was chosen by."""
        return frozenset(one.digest for one in self.used if one.digest and one.split != TEST)

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


def read_origin(model: Path) -> TrainedFrom | None:
    """Return what a model was trained from, if its folder has a manifest; raises UsageError for a damaged one."""
    try:
        used = tuple(picture for picture in _read_rows(model / MANIFEST_FILE) if not picture.skipped)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise _unreadable(model, MANIFEST_FILE, error) from error
    try:
        told = json.loads((model / TRAINING_FILE).read_text(encoding="utf-8"))
        return TrainedFrom(told["data"], told.get("labels_csv"), used)
    except FileNotFoundError:  # the pictures are still known by their content
        return TrainedFrom(None, None, used)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unreadable(model, TRAINING_FILE, error) from error


def _unreadable(model: Path, name: str, error: Exception) -> UsageError:
    return UsageError(
        f"the list of pictures that {model} was trained on cannot be read ({error!r}); get a whole copy of the "
        f"folder, or remove its {name}"
    )
