"""Pictures sorted into a folder for each best label, as copies or as links."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from errors import ImageError
from labels import ClassLabel
from outputs import Output
from outputs.copies import CopiesFolder
from outputs.originals import Original, original_of
from outputs.places import file_name, with_hash
from results import Result
from sources.named import absolute

if TYPE_CHECKING:
    from sources.frames import Frame

UNSURE = "unsure"  # the folder of pictures without a label


class SortedOutput(Output):
    """Puts each picture into DIR/LABEL/, or into DIR/unsure/ when no label reaches the threshold.

    A picture keeps its name; where another one has it, a part of a hash of the picture's path
    follows the name. What is there is never overwritten, and a picture that is there
    already is not put there twice. What is no file becomes one, as `original_of` says, and cannot be linked to.
    """

    draws = False

    def __init__(self, option: str, folder: str, inputs: Sequence[str], labels: Sequence[ClassLabel]) -> None:
        self._copies = CopiesFolder(option, folder, inputs)
        self._names = folder_names(labels)
        self._place, self._is_there = PLACERS[option]
        self.copies = option == "--copy-to"

    def write(self, frame: "Frame", result: Result) -> None:
        """Sort one picture; raises ImageError when that cannot be done."""
        if result.error:
            return
        label = self._names[ClassLabel(*result.predictions[0][:2])] if result.predictions else UNSURE
        if not (frame.is_file or self.copies):
            raise ImageError("not sorted: it is no file that a link could point to; use --copy-to")
        original = original_of(frame)
        for target in _targets(self._copies.path / label, original):
            if not os.path.lexists(target) and self._place(self._copies, original, target):
                return
            if self._is_there(original, target):
                return
        raise ImageError(f"not sorted: {target} is another picture")


def folder_names(labels: Sequence[ClassLabel]) -> dict[ClassLabel, str]:
    """Return a folder's name for each label: its own, and where labels would share one, with the class id.

    Of ImageNet's 1,000, "crane" and "maillot" are two classes each, and "cardigan" is a dog, too,
    which file systems that ignore case take for one name.
    """
    names = {label: file_name(label.label) for label in labels}
    counts = Counter(name.casefold() for name in names.values())
    counts[UNSURE] += 1
    for label, name in names.items():
        if counts[name.casefold()] > 1:
            name = file_name(f"{name}_{label.class_id}")
            while counts[name.casefold()]:
                name += "_"
            counts[name.casefold()] += 1
            names[label] = name
    return names


def _targets(folder: Path, original: Original) -> list[Path]:
    return [folder / original.name, with_hash(folder / original.name, absolute(original.source))]


def _copy(copies: CopiesFolder, original: Original, target: Path) -> bool:
    return copies.save(target, original.source, original.copy_to)


def _link(copies: CopiesFolder, original: Original, target: Path) -> bool:
    try:
        return copies.link(target, original.source)
    except (NotImplementedError, ImageError) as error:
        if os.name != "nt":
            raise
        raise ImageError(
            f"cannot link {original.source}: Windows allows that in its developer mode only; use --copy-to"
        ) from error


def _is_linked(original: Original, target: Path) -> bool:
    return target.is_symlink() and os.readlink(target) == os.path.abspath(original.source)


def _is_copied(original: Original, target: Path) -> bool:
    try:
        return original.is_copied_to(target)
    except OSError as error:
        raise ImageError(f"not sorted: {error.filename} cannot be read: {error.strerror}") from error


Placer = tuple[Callable[[CopiesFolder, Original, Path], bool], Callable[[Original, Path], bool]]
PLACERS: dict[str, Placer] = {"--copy-to": (_copy, _is_copied), "--link-to": (_link, _is_linked)}
