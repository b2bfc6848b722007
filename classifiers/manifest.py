"""Which pictures a classifier was trained on, validated on and tested on, as its folder tells."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.folder import MANIFEST_FILE, TRAINING_FILE
from errors import UsageError


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
