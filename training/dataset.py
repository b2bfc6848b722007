"""The pictures of a training run: found, and named by their content."""

import difflib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from classifiers.folder import check_class_names
from classifiers.manifest import Picture
from console import bar_is_off
from errors import UsageError
from files import sha256_of
from settings import WORKERS
from sources.labelled import LabelledData, read_folder, read_labels_csv
from sources.named import Kind, kind_of, shown
from sources.paths import Search
from sources.splits import TRAIN
from training.options import Options

NO_PICTURE = "not a picture by its extension"

logger = logging.getLogger("suite")


def read_data(options: Options) -> LabelledData:
    """Return the labelled pictures that a run is told of, which are not looked at yet; raises UsageError."""
    search = Search(tuple(options.exclude), no_ignore=options.no_ignore)
    if options.labels_csv:
        return read_labels_csv(options.labels_csv, options.data, search)
    if kind_of(options.data) is Kind.ARCHIVE:
        raise UsageError(f"the data {options.data} is an archive; unpack it, for training reads it many times")
    return read_folder(options.data, search=search)


def find_pictures(data: LabelledData, root: str | Path) -> list[Picture]:
    """Return every picture with its class, and its split where that is named, sorted by its path.

    Raises UsageError for fewer than two classes, a class without pictures to train on, and names that
    classes cannot have.
    """
    found = [
        Picture(
            _relative(shown(path), str(root)),
            label,
            split,
            skipped="the folder cannot be listed" if os.path.isdir(path) else "",
        )
        for path, label, split in data
    ]
    pictures = list(dict.fromkeys(found))
    if len(pictures) < len(found):
        logger.warning("left out: %d rows of %s, which list a picture again", len(found) - len(pictures), data.name)
    _check_classes(pictures, data)
    if data.told_by == "row" and not any(os.path.exists(Path(root, picture.path)) for picture in pictures):
        raise UsageError(
            f"none of the files that {data.name} lists is there, such as {pictures[0].path}; paths are relative to "
            f"{root}, unless --data names another folder"
        )
    return sorted(pictures, key=lambda picture: picture.path)


def find_no_pictures(data: LabelledData, root: str | Path) -> list[Picture]:
    """Return what else lies in the class folders, as rows of the manifest; it is of no split."""
    return [Picture(_relative(path, str(root)), label, skipped=NO_PICTURE) for path, label, _ in data.no_pictures()]


def _relative(path: str, root: str) -> str:
    """Return a path below `root` relative to it, with forward slashes, and another one as it is."""
    is_below = path.startswith(os.path.join(root, ""))
    return Path(os.path.relpath(path, root) if is_below else path).as_posix()


def _check_classes(pictures: Sequence[Picture], data: LabelledData) -> None:
    labels = sorted({picture.label for picture in pictures})
    trained = sorted({picture.label for picture in pictures if picture.split in ("", TRAIN)})
    check_class_names(labels)
    if not trained:
        there = " and ".join(sorted({picture.split for picture in pictures}))
        raise UsageError(f"{data.name} has {there} pictures, but none to train on")
    for picture in pictures:
        if picture.label not in trained:
            close = difflib.get_close_matches(picture.label, trained, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise UsageError(
                f"the class '{picture.label}' is in {picture.split} ({picture.path}), but not in train; every class "
                f"needs pictures to train on{hint}"
            )
    if len(labels) < 2:
        wanted = "a folder" if data.told_by == "folder" else "a label"
        raise UsageError(
            f"{data.name} has only one class, '{labels[0]}', and at least two are needed, each with {wanted} of its own"
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
        if not os.path.lexists(path):
            return replace(picture, skipped="no such file")
        if not path.is_file():
            return replace(picture, skipped="is not a regular file (a pipe or a device?)")
        return replace(picture, digest=sha256_of(path))
    except OSError as error:
        return replace(picture, skipped=f"cannot be read: {error.strerror}")
