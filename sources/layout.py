"""What the folders of labelled pictures mean: classes, splits, what is around them and what is beside them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from errors import UsageError
from labels.classes import ClassIndex, nfc
from sources.listing import Contents, asks_for_quiet, join_names, list_folder
from sources.search import NO_MEDIA, Search
from sources.splits import SPLITS, TRAIN, is_numbered_test, is_unlabelled, kindred_splits, plain_splits, read_name

MOST_AROUND = 5  # folders around the data, one in the other


class ClassFolder(NamedTuple):
    """A folder of which every picture has one label."""

    label: str  # in Unicode's form NFC
    split: str  # one of SPLITS, or "" where no folder tells
    path: str


@dataclass
class Layout:
    """Where the labelled pictures of a folder are."""

    root: str  # the folder that the user named, and that patterns are relative to
    classes: list[ClassFolder] = field(default_factory=list)
    by_name: dict[str, str] = field(default_factory=dict)  # of a split, or of "": the folder of pictures named by class
    parts: dict[str, str] = field(default_factory=dict)  # of each split, its folder; empty when no folder is a split
    notes: list[str] = field(default_factory=list)  # how it was read, where that is not plain
    left_out: list[str] = field(default_factory=list)  # what is not among the pictures, and why


def read_layout(folder: str, known: ClassIndex | None = None, search: Search = Search()) -> Layout:
    """Find out what the folders in `folder` are for, without listing all pictures.

    `known` are the classes of a model; without them, the folders say which classes there are. Raises
    UsageError, which says what to do, for a layout that cannot be read, or that can be read in two ways.
    """
    return _Reader(folder, known, search).read()


class _Reader:
    def __init__(self, root: str, known: ClassIndex | None, search: Search) -> None:
        self._known = known
        self._search = search
        self._listed: dict[str, Contents] = {}
        self._layout = Layout(root)

    def read(self) -> Layout:
        root = self._layout.root
        if asks_for_quiet(root, self._search):
            raise UsageError(f"{root} is not searched, for it holds a {NO_MEDIA} file; --no-ignore searches it")
        folder = self._unwrap(root)
        if folder != root:
            self._layout.notes.append(f"the data is {folder}, for {root} holds nothing else")
        if splits := self._find_splits(folder):
            self._read_splits(folder, splits)
        else:
            self._read_classes(folder)
        self._layout.notes += _notes_on_unicode(self._layout.classes)
        return self._layout

    def _look(self, *parts: str) -> Contents:
        folder = os.path.join(*parts)
        if folder not in self._listed:
            self._listed[folder] = list_folder(folder, self._layout.root, self._search)
        return self._listed[folder]

    def _unwrap(self, folder: str, most: int = MOST_AROUND) -> str:
        """Return the folder of splits that this one is around, as where X.zip unpacks to X/X/train/, or itself."""
        folders, picture, *_ = self._look(folder)
        if len(folders) != 1 or picture or not most or self._are_known(folders):
            return folder
        inner = self._unwrap(os.path.join(folder, folders[0]), most - 1)
        is_split = bool(plain_splits(folders))  # and may be around another one of its kind, as in seg_test/seg_test/
        return inner if len(self._named_splits(inner)) > is_split else folder

    def _are_known(self, names: Sequence[str]) -> bool:
        return self._known is not None and any(name in self._known for name in names)

    def _named_splits(self, folder: str) -> dict[str, str]:
        names = self._look(folder).folders
        kindred = kindred_splits(names)
        return plain_splits(names) or (kindred if all(self._has_classes(folder, name) for name in kindred) else {})

    def _may_be_class(self, folder: str, name: str) -> bool:
        return not is_unlabelled(name) and (not is_numbered_test(name) or self._has_classes(folder, name))

    def _has_classes(self, folder: str, name: str) -> bool:
        return bool(self._look(self._split_folder(folder, name)).folders)

    def _split_folder(self, folder: str, name: str) -> str:
        """Return the folder of a split, or the one of its kind that is alone in it, as in seg_train/seg_train/."""
        path = os.path.join(folder, name)
        folders, picture, *_ = self._look(path)
        is_around = len(folders) == 1 and not picture and (folders == [name] or plain_splits(folders))
        return os.path.join(path, folders[0]) if is_around else path

    # ---- splits

    def _find_splits(self, folder: str) -> dict[str, str]:
        """Return which folders are splits: {name: split}; none where folders are classes. Raises UsageError."""
        names, splits = self._look(folder).folders, self._named_splits(folder)
        if not splits or self._are_known(list(splits)):
            return {}
        _check_twins(folder, splits)
        others = [name for name in names if name not in splits]
        has_classes = any(self._has_classes(folder, name) for name in splits)
        is_clear = not others or len(splits) > 1 or not any(self._may_be_class(folder, name) for name in others)
        if len(names) == 1 or (has_classes and is_clear) or (self._known and not has_classes and not others):
            return splits
        raise UsageError(_two_readings(folder, names, splits, has_classes))

    def _read_splits(self, folder: str, splits: dict[str, str]) -> None:
        for name, split in splits.items():
            path = self._split_folder(folder, name)
            self._read_split(path, split)
            if (read := read_name(name)) and read.split != split:
                self._layout.notes.append(f"{path} is taken for the {split} pictures")
        for name in self._look(folder).folders:
            if name not in splits:
                self._leave_out(os.path.join(folder, name), f"it lies beside {join_names(splits)}")

    def _read_split(self, path: str, split: str) -> None:
        inside = self._look(path)
        if inside.folders:
            self._layout.parts[split] = path
            if split == TRAIN or self._known:
                self._check_level(path)
            self._add_classes(path, split)
        elif self._known:
            self._layout.parts[split] = self._layout.by_name[split] = path
        elif split == TRAIN:
            raise UsageError(_why_no_classes(path, inside.picture))
        else:
            what = f"{inside.counted}, such as {inside.picture}," if inside.picture else "no pictures"
            self._leave_out(path, f"it holds {what} and no folder for a class")

    def _leave_out(self, path: str, why: str) -> None:
        self._layout.left_out.append(f"{path}: {why}")

    def _add_classes(self, folder: str, split: str) -> None:
        """Take the folders in `folder` for classes."""
        inside = self._look(folder)
        for name in inside.folders:
            self._look(folder, name)  # one that cannot be listed is not taken for an empty one
            self._layout.classes.append(ClassFolder(nfc(name), split, os.path.join(folder, name)))
        for name in inside.quiet:
            self._leave_out(os.path.join(folder, name), f"it holds a {NO_MEDIA} file; --no-ignore searches it")
        if inside.picture:
            what = f"{inside.counted} directly in {folder}, such as {inside.picture}"
            self._leave_out(what, "no folder says the class")

    # ---- classes

    def _read_classes(self, folder: str) -> None:
        names, picture, *_ = self._look(folder)
        if self._known and not names and picture:
            self._layout.by_name[""] = folder
        elif not names:
            raise UsageError(_why_no_pictures(folder) if self._known else _why_no_classes(folder, picture))
        elif self._known and picture and not (self._are_known(names) and _has_no_label(picture, self._known)):
            raise UsageError(
                f"unknown layout: {folder} holds both pictures, such as {picture}, and folders, such as "
                f"{names[0]}; sort the pictures into a folder for each class, or list them with --labels-csv FILE"
            )
        elif not self._read_classes_of_splits(folder):
            self._check_level(folder)
            self._add_classes(folder, "")

    def _read_classes_of_splits(self, folder: str) -> bool:
        """Take class folders that hold the splits, as in cats/train/ and cats/test/; return whether they are such."""
        names = self._look(folder).folders
        splits = {name: self._splits_alone(folder, name) for name in names}
        first = next((name for name in names if len(splits[name]) > 1), None)
        if first is None or (len(names) == 1 and not self._known):
            return False
        if other := next((name for name in names if not splits[name]), None):
            raise UsageError(
                f"unknown layout: {os.path.join(folder, first)} holds {join_names(splits[first])}, but "
                f"{os.path.join(folder, other)} does not; put the class folders into those of the splits, as in "
                f"{os.path.join(folder, 'train', other)}"
            )
        for name in names:
            self._add_splits_of_class(folder, name, splits[name])
        self._layout.notes.append(
            f"{join_names(names)} are taken for the classes, and {join_names(splits[first])} in them for the splits"
        )
        return True

    def _splits_alone(self, folder: str, name: str) -> dict[str, str]:
        """Return the splits in a class folder, or none when it holds anything else."""
        folders, picture, *_ = self._look(folder, name)
        splits = plain_splits(folders)
        return {} if picture or len(splits) < len(folders) else splits

    def _add_splits_of_class(self, folder: str, name: str, splits: dict[str, str]) -> None:
        _check_twins(os.path.join(folder, name), splits)
        for part, split in splits.items():
            inside = self._look(folder, name, part)
            if inside.folders and not inside.picture:
                raise UsageError(
                    f"unknown layout: {name} in {folder} holds splits with class folders; give it alone, as "
                    f"{os.path.join(folder, name)}"
                )
            self._layout.classes.append(ClassFolder(nfc(name), split, os.path.join(folder, name, part)))
            self._layout.parts[split] = os.path.join(folder, "*", part)

    def _check_level(self, folder: str) -> None:
        """Refuse class folders that only hold the classes themselves, and say so where it is not certain."""
        names = self._look(folder).folders
        inner = [self._look(folder, name) for name in names]
        below = sorted({nfc(name) for contents in inner for name in contents.folders})
        hold_folders_alone = len(below) > 1 and not any(contents.picture for contents in inner)
        if self._known:
            is_wrong = not self._are_known(names) and self._are_known(below)
        else:
            is_wrong = len(names) == 1 and hold_folders_alone
        if is_wrong:
            raise UsageError(_one_level_deeper(folder, names, below))
        if hold_folders_alone and all(set(map(nfc, contents.folders)) == set(below) for contents in inner):
            self._layout.notes.append(
                f"{join_names(names)} are taken for the classes, and {join_names(below)} in each of them are not; "
                "if it is the other way round, list the pictures with --labels-csv FILE"
            )


def _has_no_label(picture: str, known: ClassIndex) -> bool:
    return known.label_at_start_of(os.path.splitext(picture)[0]) is None


def _notes_on_unicode(classes: Sequence[ClassFolder]) -> list[str]:
    """Name the folders beside each other that are one class, for their names differ in nothing that can be seen."""
    same: dict[tuple[str, str, str], list[str]] = {}
    for label, split, path in classes:
        same.setdefault((label, split, os.path.dirname(path)), []).append(ascii(os.path.basename(path)))
    return [
        f"{' and '.join(names)} in {folder} are one class, {label}: the same letters, stored in two ways"
        for (label, _split, folder), names in same.items()
        if len(names) > 1
    ]


def _check_twins(folder: str, splits: dict[str, str]) -> None:
    for name, split in splits.items():
        if twin := next((other for other in splits if other < name and splits[other] == split), None):
            raise UsageError(f"unknown layout: {twin} and {name} in {folder} are both for {split}; leave one")


def _two_readings(folder: str, names: Sequence[str], splits: dict[str, str], has_classes: bool) -> str:
    ordered = sorted(splits, key=lambda name: SPLITS.index(splits[name]))
    first = os.path.join(folder, ordered[0])
    what = f"{join_names(ordered)} hold{'s' if len(splits) == 1 else ''} the pictures for "
    what += join_names({TRAIN: "training"}.get(splits[name], splits[name]) for name in ordered)
    if has_classes:
        second = f"give {first} as the data"
    else:
        what += ", and no folders for the classes"
        second = f"put the pictures of each class into a folder of its own, {first}/CLASS/"
    return (
        f"{folder} can be read in two ways: {join_names(names)} are the classes, or {what}; in the first case, rename "
        f"{ordered[0]} or list the pictures with --labels-csv FILE, and in the second, {second}"
    )


def _one_level_deeper(folder: str, names: Sequence[str], below: Sequence[str]) -> str:
    only = f"only one class, '{names[0]}'" if len(names) == 1 else f"the folders {join_names(names)}"
    return (
        f"{folder} has {only}, but the classes seem to be one level deeper: {join_names(below)}; give the folder that "
        f"holds them, such as {os.path.join(folder, names[0])}"
    )


def _why_no_classes(folder: str, picture: str) -> str:
    wanted = f"put the pictures of each class into a folder of its own, {folder}/CLASS/"
    if not picture:
        return f"{folder} holds neither class folders nor pictures; {wanted}"
    where = f"pictures such as {picture} lie in {folder} itself"
    return f"unknown layout: {where}; {wanted}, or list them with --labels-csv FILE"


def how_to_label(folder: str) -> str:
    """Return what a user can do to give the pictures in a folder labels that a model knows."""
    return (
        f"put the pictures of each class into {folder}/CLASS/, begin their names with the class, as in "
        "n01440764_1.jpg, or list them with --labels-csv FILE"
    )


def _why_no_pictures(folder: str) -> str:
    return f"{folder} holds no pictures; {how_to_label(folder)}"
