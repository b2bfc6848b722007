"""Labelled pictures, from folders or from a CSV file: one reader for training, evaluation and thresholds.

pets/cats/1.jpg            a folder for each class
pets/train/cats/1.jpg      such folders in those of the splits (`sources.splits` knows their names)
n01440764_10026.JPEG       a name that begins with a class, where a model's classes are known
path,label,split           a CSV file
val.zip/cats/1.jpg         all of these in an archive; and 1.jpg with its label in 1.cls, as in WebDataset
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from decoding.formats import IMAGE_SUFFIXES, archive_of
from errors import UsageError
from labels.classes import ClassIndex, nfc
from sources.archive_folders import labels_beside, list_files
from sources.labels_csv import read_rows
from sources.layout import ClassFolder, how_to_label, read_layout
from sources.listing import count_by_extension
from sources.named import is_on_disk, shown
from sources.paths import Search, find_below, find_no_images_below
from sources.splits import TRAIN

MOST_WRONG = 3  # of many mistakes, those that an error names

logger = logging.getLogger("suite")


class LabelledPath(NamedTuple):
    """One picture with what it is said to be."""

    path: str
    label: str  # in Unicode's form NFC
    split: str  # "train", "validation" or "test", or "" where nothing tells


@dataclass(frozen=True)
class LabelledData:
    """Pictures with their labels and splits, read anew from the disk each time they are iterated."""

    name: str  # where they are, for people
    rows: Callable[[str | None], Iterator[LabelledPath]]  # of one split, or of all
    told_by: str  # what tells the label: "folder", "picture name" or "row"
    parts: dict[str, str] = field(default_factory=dict)  # the splits that are named, each with its folder or a name
    split: str | None = None  # the only one that is yielded
    no_pictures: Callable[[], Iterator[LabelledPath]] = lambda: iter(())  # other files in class folders

    def __iter__(self) -> Iterator[LabelledPath]:
        return self.rows(self.split)

    def part(self, split: str) -> "LabelledData":
        """Return the pictures of one split."""
        return replace(self, name=self.parts[split], parts={}, split=split)


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures with the classes of a model, read anew from the disk each time they are iterated."""

    data: LabelledData
    classes: ClassIndex
    counts: Counter[int]  # pictures of each class

    @property
    def name(self) -> str:
        """Where they are, for people."""
        return self.data.name

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for path, label, _split in self.data:
            yield path, self.classes.index_of(label)

    def __len__(self) -> int:
        return self.counts.total()


def read_folder(folder: str | Path, known: ClassIndex | None = None, search: Search = Search()) -> LabelledData:
    """Return the labelled pictures of a folder; `known` are the classes of a model, where labels must be among them.

    How the folder is read, where that is not plain, and what is left out is logged. Raises UsageError as
    `read_layout` does, and while it is iterated, for a folder of a class without pictures and for a
    picture whose name begins with none of the classes.
    """
    folder = os.fspath(folder)
    if known is not None and archive_of(folder) and (beside := list(labels_beside(folder, search))):
        return from_pairs(folder, [(path, known.label_of(text)) for path, text in beside])
    layout = read_layout(folder, known, search)
    for note in layout.notes:
        logger.info("note: %s", note)
    for what in layout.left_out:
        logger.warning("left out: %s", what)
    told_by = "picture name" if layout.by_name else "folder"

    def rows(wanted: str | None) -> Iterator[LabelledPath]:
        for one in layout.classes:
            if wanted in (None, one.split):
                yield from _rows_of_class(one, layout.root, search)
        for split, path in layout.by_name.items():
            if known is not None and wanted in (None, split):
                yield from _rows_by_name(path, split, layout.root, known, search)

    def no_pictures() -> Iterator[LabelledPath]:
        for label, split, path in layout.classes:
            yield from (LabelledPath(file, label, split) for file in _find_no_images_below(path, layout.root, search))

    return LabelledData(layout.root, rows, told_by, layout.parts, no_pictures=no_pictures)


def _find_below(folder: str, root: str, search: Search) -> Iterator[str]:
    if archive_of(folder):
        return iter(list_files(folder, search).pictures or [folder])
    return find_below(folder, root, search)


def _find_no_images_below(folder: str, root: str, search: Search) -> Iterator[str]:
    if archive_of(folder):
        return iter(list_files(folder, search).others)
    return find_no_images_below(folder, root, search)


def _rows_of_class(one: ClassFolder, root: str, search: Search) -> Iterator[LabelledPath]:
    for number, path in enumerate(_find_below(one.path, root, search)):
        if number or path != one.path:
            yield LabelledPath(path, one.label, one.split)
        elif one.split in ("", TRAIN):
            which = f"{', '.join(IMAGE_SUFFIXES[:3])} ...{' that --exclude leaves' if search.exclude else ''}"
            others = count_by_extension(_find_no_images_below(path, root, search))
            but = f", but {others}" if others else ""
            raise UsageError(f"the class folder {path} holds no pictures ({which}){but}; fill it, or remove it")


def _rows_by_name(folder: str, split: str, root: str, known: ClassIndex, search: Search) -> Iterator[LabelledPath]:
    for path in _find_below(folder, root, search):  # there are no folders in it
        if path == folder:
            raise UsageError(f"{folder} holds no pictures; {how_to_label(folder)}")
        label = known.label_at_start_of(os.path.splitext(os.path.basename(path))[0])
        if label is None:
            raise UsageError(f"the name of {path} begins with no label that the model knows; {how_to_label(folder)}")
        yield LabelledPath(path, label, split)


def read_labels_csv(file: str | Path, folder: str | Path | None = None, search: Search = Search()) -> LabelledData:
    """Return the pictures that a CSV file lists; paths are relative to `folder`, or to the folder of the file.

    Raises UsageError when the file cannot be read or lists nothing, and for a row that is wrong.
    """
    root = Path(file).parent if folder is None else Path(folder)

    def rows(wanted: str | None) -> Iterator[LabelledPath]:
        return (
            LabelledPath(os.path.join(root, row.path) if is_on_disk(row.path) else row.path, nfc(row.label), row.split)
            for row in read_rows(file)
            if wanted in (None, row.split) and not search.leaves_out_named(row.path)
        )

    splits = {row.split for row in rows(None)}
    if not splits:
        raise UsageError(f"{file} lists no pictures; it needs a row of path and label for each")
    return LabelledData(str(file), rows, "row", {split: f"{file} ({split} rows)" for split in splits if split})


def from_pairs(name: str, pairs: Sequence[tuple[str, str]]) -> LabelledData:
    """Return pictures that are known already, as paths and labels."""
    return LabelledData(name, lambda _wanted: (LabelledPath(path, nfc(label), "") for path, label in pairs), "row")


def match_classes(data: LabelledData, classes: ClassIndex) -> LabelledPictures:
    """Return the pictures with their classes, each looked at once before anything is computed.

    Raises UsageError for a label that is none of `classes`, and when there are no pictures.
    """
    counts: Counter[int] = Counter()
    wrong: dict[str, str] = {}  # label: why
    for path, label, _split in data:
        try:
            counts[classes.index_of(label)] += 1
        except UsageError as error:
            wrong.setdefault(label, f"{error} ({data.told_by} of {shown(path)})")
            if len(wrong) > MOST_WRONG:
                break
    if wrong:
        some = "; ".join(list(wrong.values())[:MOST_WRONG])
        raise UsageError(f"{data.name}: {some}{'; and more' if len(wrong) > MOST_WRONG else ''}")
    if not counts:
        raise UsageError(f"{data.name} holds no pictures")
    return LabelledPictures(data, classes, counts)
