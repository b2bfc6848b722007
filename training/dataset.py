"""Find the classes and pictures of a data folder, and name every picture by its content.

Two layouts: one folder per class, or train/, validation/ and test/ with class folders inside.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from tqdm import tqdm

from classifiers.folder import check_class_names
from console import bar_is_off
from errors import UsageError
from files import sha256_of
from settings import WORKERS
from sources.paths import find_images

SPLITS = ("train", "validation", "test")
SPLIT_FOLDERS = {
    "train": "train", "training": "train",
    "validation": "validation", "val": "validation", "valid": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
MANIFEST_COLUMNS = ["path", "class", "split", "digest", "skipped"]  # the fields of a Picture


@dataclass(frozen=True)
class Picture:
    """One file of the data set: a row of the manifest."""

    path: str  # relative to the data folder, with forward slashes
    label: str  # its class
    split: str = ""  # one of SPLITS; "" until `split_pictures` has chosen
    digest: str = ""  # SHA-256 of its bytes
    skipped: str = ""  # why it is left out


def find_pictures(folder: str | Path) -> list[Picture]:
    """Return every picture below `folder` with its class, and its split where the folders name it.

    Raises UsageError for an unknown layout, fewer than two classes, an empty class, and a class
    that is not in every split.
    """
    names = _subfolders(folder)
    splits = {name: SPLIT_FOLDERS[name.lower()] for name in names if name.lower() in SPLIT_FOLDERS}
    train = [name for name, split in splits.items() if split == "train"]
    if len(splits) == len(names) >= 2 or (train and _subfolders(Path(folder, train[0]))):
        _check_split_folders(folder, names, splits)
        pictures = [
            picture for name, split in splits.items() for picture in _find_classes(Path(folder), Path(name), split)
        ]
        _check_classes_of_splits(pictures)
    else:
        pictures = _find_classes(Path(folder), Path(), "")
    check_class_names(sorted({picture.label for picture in pictures}))
    return sorted(pictures, key=lambda picture: picture.path)


def _subfolders(folder: str | Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise UsageError(
            f"cannot list the data folder {folder}: {error.strerror}; it holds one folder of pictures for each class"
        ) from error


def _check_split_folders(folder: str | Path, names: Sequence[str], splits: dict[str, str]) -> None:
    if others := [name for name in names if name not in splits]:
        raise UsageError(f"unknown layout: {folder} has '{others[0]}' beside {', '.join(splits)}; move it elsewhere")
    if "train" not in splits.values():
        raise UsageError(f"unknown layout: {folder} has {', '.join(splits)}, but no train folder")
    for name, split in splits.items():
        if twin := next((other for other in splits if other < name and splits[other] == split), None):
            raise UsageError(f"unknown layout: {twin} and {name} in {folder} are both for {split}; leave one")


def _find_classes(root: Path, part: Path, split: str) -> list[Picture]:
    """Return the pictures of the class folders in `root / part`."""
    folder = root / part
    labels = _subfolders(folder)
    if len(labels) < 2:
        raise UsageError(_why_no_classes(folder, labels))
    return [picture for label in labels for picture in _find_class(root, part / label, split)]


def _why_no_classes(folder: Path, labels: Sequence[str]) -> str:
    wanted = f"put the pictures of each class into a folder of its own, {folder}/CLASS/"
    if labels:
        return (
            f"{folder} has only one class, '{labels[0]}', and at least two are needed; {wanted} "
            f"(or is {folder / labels[0]} the data?)"
        )
    first = next(find_images([str(folder)]))
    if os.path.isdir(first):
        return f"{folder} holds neither class folders nor pictures; {wanted}"
    return f"unknown layout: pictures such as {os.path.basename(first)} lie in {folder} itself; {wanted}"


def _find_class(root: Path, part: Path, split: str) -> list[Picture]:
    label = part.name
    paths = list(find_images([str(root / part)]))
    if paths == [str(root / part)]:
        raise UsageError(f"the class folder {root / part} holds no pictures; fill it, or remove it")
    names = [Path(os.path.relpath(path, root)).as_posix() for path in paths]
    return [
        Picture(name, label, split, skipped="the folder cannot be listed" if os.path.isdir(path) else "")
        for name, path in zip(names, paths, strict=True)
    ]


def _check_classes_of_splits(pictures: Iterable[Picture]) -> None:
    found = {(picture.split, picture.label) for picture in pictures}
    splits = [split for split in SPLITS if any(split == other for other, _label in found)]
    for label in sorted({label for _split, label in found}):
        missing = [split for split in splits if (split, label) not in found]
        if missing:
            there = [split for split in splits if split not in missing]
            raise UsageError(
                f"the class '{label}' is in {' and '.join(there)}, but not in {' and '.join(missing)}; "
                "every class has a folder in each"
            )


def add_digests(folder: str | Path, pictures: Sequence[Picture], workers: int = WORKERS) -> list[Picture]:
    """Return the pictures with the SHA-256 of their bytes; one that cannot be read is skipped."""
    with ThreadPoolExecutor(workers) as executor:
        found = executor.map(lambda picture: _with_digest(Path(folder), picture), pictures)
        return list(tqdm(found, "pictures", len(pictures), unit="picture", leave=False, disable=bar_is_off()))


def _with_digest(folder: Path, picture: Picture) -> Picture:
    if picture.skipped:
        return picture
    path = folder / picture.path
    try:
        if not path.is_file():
            return replace(picture, skipped="is not a regular file (a pipe or a device?)")
        return replace(picture, digest=sha256_of(path))
    except OSError as error:
        return replace(picture, skipped=f"cannot be read: {error.strerror}")


def write_manifest(path: Path, pictures: Iterable[Picture]) -> None:
    """Save every picture with its class, its split, and why it was left out, as CSV."""
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MANIFEST_COLUMNS)
        writer.writerows(map(astuple, pictures))


def read_manifest(path: Path) -> list[Picture]:
    """Read what `write_manifest` saved; raises UsageError when it is not that."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *rows = csv.reader(file)
        if header != MANIFEST_COLUMNS:
            raise ValueError(f"its columns are {', '.join(header)}")
        return [Picture(*row) for row in rows]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise UsageError(f"the manifest {path} is damaged: {error}") from error
