"""Labelled pictures: a stream of paths, each with the class that it belongs to.

Four layouts: a folder for each class; such folders in test/ (and validation/); pictures whose names
begin with their label, as in `n01440764_10026.JPEG`; and a CSV file with the columns path and label.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import UsageError
from labels.classes import ClassIndex
from sources.paths import IMAGE_SUFFIXES, find_images

SPLIT_FOLDERS = {
    "train": "train", "training": "train",
    "validation": "validation", "val": "validation", "valid": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
CSV_COLUMNS = ("path", "label")
SOME = 3  # of many mistakes, those that an error names

Pairs = Callable[[], Iterator[tuple[str, str]]]  # path and label, as they are found


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures with their classes, read anew from the disk each time they are iterated."""

    name: str  # where they are, for people
    pairs: Pairs
    index_of: Callable[[str], int]
    counts: Counter[int]  # pictures of each class

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for path, label in self.pairs():
            yield path, self.index_of(label)

    def __len__(self) -> int:
        return self.counts.total()


def find_labelled(folder: str | Path, classes: ClassIndex) -> LabelledPictures:
    """Return the labelled pictures of a folder, whatever its layout.

    Raises UsageError for an unknown layout, a label that is none of `classes`, a class folder
    without pictures, and a folder without any.
    """
    names = _subfolders(folder)
    first = _first_picture(folder)
    if names and first:
        raise UsageError(
            f"unknown layout: {folder} holds both pictures, such as {first}, and folders, such as "
            f"{names[0]}; sort the pictures into a folder for each class, or list them with --labels-csv FILE"
        )
    if names:
        return _counted(str(folder), _in_class_folders(Path(folder), names), classes, "folder")
    if first is None:
        raise UsageError(f"{folder} holds no pictures; {_how_to_label(folder)}")
    return _counted(str(folder), lambda: _by_file_name(folder, classes), classes, "picture name")


def find_splits(folder: str | Path, classes: ClassIndex) -> dict[str, str]:
    """Return the folders in `folder` by what they are for: train, validation and test; empty when it has no test.

    Folders that are called as classes are no splits.
    """
    names = _subfolders(folder)
    splits = {SPLIT_FOLDERS[name.lower()]: os.path.join(folder, name) for name in names if _is_split(name)}
    if not splits or len(splits) < len(names) or any(name in classes for name in names):
        return {}
    if "test" not in splits:
        there = " and ".join(sorted(splits))
        raise UsageError(f"{folder} has {there}, but no test folder; give the folder to evaluate, as --data {folder}/X")
    return splits


def read_labels_csv(file: str | Path, folder: str | Path | None, classes: ClassIndex) -> LabelledPictures:
    """Return the pictures that a CSV file lists in its columns path and label.

    Paths are relative to `folder`, or to the folder of the file. Raises UsageError when the file
    cannot be read, lists nothing, or has a label that is none of `classes`.
    """
    root = Path(file).parent if folder is None else Path(folder)

    def pairs() -> Iterator[tuple[str, str]]:
        return ((os.path.join(root, path), label) for path, label in _csv_rows(file))

    return _counted(str(file), pairs, classes, "row")


def from_pairs(name: str, rows: Sequence[tuple[str, str]], classes: ClassIndex) -> LabelledPictures:
    """Return pictures that are known already, as rows of path and label; raises UsageError as `find_labelled`."""
    return _counted(name, lambda: iter(rows), classes, "row")


def _counted(name: str, pairs: Pairs, classes: ClassIndex, what: str) -> LabelledPictures:
    """Look at every label once, before anything is computed."""
    counts: Counter[int] = Counter()
    wrong: dict[str, str] = {}  # label: why
    for path, label in pairs():
        try:
            counts[classes.index_of(label)] += 1
        except UsageError as error:
            wrong.setdefault(label, f"{error} ({what} of {path})")
            if len(wrong) > SOME:
                break
    if wrong:
        shown = "; ".join(list(wrong.values())[:SOME])
        raise UsageError(f"{name}: {shown}{'; and more' if len(wrong) > SOME else ''}")
    if not counts:
        raise UsageError(f"{name} lists no pictures; it needs a row of path and label for each")
    return LabelledPictures(name, pairs, classes.index_of, counts)


def _in_class_folders(root: Path, names: Sequence[str]) -> Pairs:
    for name in names:
        folder = str(root / name)
        if next(find_images(folder)) == folder:
            raise UsageError(
                f"the class folder {folder} holds no pictures ({', '.join(IMAGE_SUFFIXES[:3])} ...), or cannot be "
                "listed; fill it, or remove it"
            )
    return lambda: ((path, name) for name in names for path in find_images(str(root / name)))


def _by_file_name(folder: str | Path, classes: ClassIndex) -> Iterator[tuple[str, str]]:
    for path in find_images(str(folder)):  # there are no folders in it
        stem = os.path.splitext(os.path.basename(path))[0]
        label = classes.label_at_start_of(stem)
        if label is None:
            raise UsageError(
                f"the name of {path} begins with no label that the model knows; {_how_to_label(folder)}"
            )  # fmt: skip
        yield path, label


def _how_to_label(folder: str | Path) -> str:
    return (
        f"put the pictures of each class into {folder}/CLASS/, begin their names with the class, as in "
        "n01440764_1.jpg, or list them with --labels-csv FILE"
    )


def _is_split(name: str) -> bool:
    return name.lower() in SPLIT_FOLDERS


def _subfolders(folder: str | Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise UsageError(f"cannot list the data folder {folder}: {error.strerror}") from error


def _first_picture(folder: str | Path) -> str | None:
    """Return the name of a picture in a folder itself, or None."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries if not entry.name.startswith("."))
        return min((name for name in names if name.lower().endswith(IMAGE_SUFFIXES)), default=None)


def _csv_rows(file: str | Path) -> Iterator[tuple[str, str]]:
    try:
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            yield from _path_and_label(file, csv.reader(lines, strict=True))
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}; give a folder, or a CSV file of path and label"
        ) from error
    except csv.Error as error:
        raise UsageError(f"{file} is not CSV: {error}") from error


def _path_and_label(file: str | Path, rows: Iterable[list[str]]) -> Iterator[tuple[str, str]]:
    columns = None
    for number, row in enumerate(rows, start=1):
        if columns is None:
            columns = _columns(row)
            if columns is not None:
                continue
            columns = (0, 1)
        if not any(row):
            continue
        if len(row) <= max(columns) or not all(row[column].strip() for column in columns):
            raise UsageError(f"row {number} of {file} has no path or no label; every row needs both")
        yield row[columns[0]], row[columns[1]].strip()


def _columns(row: Sequence[str]) -> tuple[int, int] | None:
    """Return where path and label stand when this row is a header."""
    names = [name.strip().lower() for name in row]
    return tuple(map(names.index, CSV_COLUMNS)) if set(CSV_COLUMNS) <= set(names) else None
