"""Pictures sorted into a folder for each best label, as copies or as links."""

import filecmp
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pathvalidate import sanitize_filename

from errors import ImageError
from labels import ClassLabel
from outputs import Output
from outputs.copies import CopiesFolder
from results import Result

if TYPE_CHECKING:
    from sources.frames import Frame

UNSURE = "unsure"  # the folder of pictures without a label
LONGEST_STEM = 50  # characters, up to 200 bytes, of a name that a hash is added to; a name may have 255


class SortedOutput(Output):
    """Puts each picture into DIR/LABEL/, or into DIR/unsure/ when no label reaches the threshold.

    A picture keeps its name; where another one has it, a part of a hash of the picture's path
    follows the name. What is there is never overwritten, and a picture that is there
    already is not put there twice.
    """

    draws = False

    def __init__(self, option: str, folder: str, inputs: Sequence[str], labels: Sequence[ClassLabel]) -> None:
        self._copies = CopiesFolder(option, folder, inputs)
        self._names = folder_names(labels)
        self._place, self._is_there = PLACERS[option]

    def write(self, _frame: "Frame", result: Result) -> None:
        """Sort one picture; raises ImageError when that cannot be done."""
        if result.error:
            return
        label = self._names[ClassLabel(*result.predictions[0][:2])] if result.predictions else UNSURE
        for target in _targets(self._copies.path / label, result.source):
            if not os.path.lexists(target) and self._place(self._copies, result.source, target):
                return
            if self._is_there(result.source, target):
                return
        raise ImageError(f"not sorted: {target} is another picture")


def folder_names(labels: Sequence[ClassLabel]) -> dict[ClassLabel, str]:
    """Return a folder's name for each label: its own, and where labels would share one, with the class id.

    Of ImageNet's 1,000, "crane" and "maillot" are two classes each, and "cardigan" is a dog, too,
    which file systems that ignore case take for one name.
    """
    names = {label: _file_name(label.label) for label in labels}
    counts = Counter(name.casefold() for name in names.values())
    counts[UNSURE] += 1
    for label, name in names.items():
        if counts[name.casefold()] > 1:
            name = _file_name(f"{name}_{label.class_id}")
            while counts[name.casefold()]:
                name += "_"
            counts[name.casefold()] += 1
            names[label] = name
    return names


def _file_name(text: str) -> str:
    return sanitize_filename(text, replacement_text="_", platform="universal", max_len=200).strip(".") or "_"


def _targets(folder: Path, source: str) -> list[Path]:
    name = Path(os.path.basename(source))
    digest = hashlib.sha256(os.fsencode(os.path.abspath(source))).hexdigest()[:12]
    return [folder / name, folder / f"{name.stem[:LONGEST_STEM]}-{digest}{name.suffix}"]


def _copy(copies: CopiesFolder, source: str, target: Path) -> bool:
    return copies.save(target, source, lambda unfinished: shutil.copy2(source, unfinished))


def _link(copies: CopiesFolder, source: str, target: Path) -> bool:
    try:
        return copies.link(target, source)
    except (NotImplementedError, ImageError) as error:
        if os.name != "nt":
            raise
        raise ImageError(
            f"cannot link {source}: Windows allows that in its developer mode only; use --copy-to"
        ) from error


def _is_linked(source: str, target: Path) -> bool:
    return target.is_symlink() and os.readlink(target) == os.path.abspath(source)


def _is_copied(source: str, target: Path) -> bool:
    try:
        return target.is_file() and filecmp.cmp(source, target, shallow=False)
    except OSError as error:
        raise ImageError(f"not sorted: {error.filename} cannot be read: {error.strerror}") from error


Placer = tuple[Callable[[CopiesFolder, str, Path], bool], Callable[[str, Path], bool]]
PLACERS: dict[str, Placer] = {"--copy-to": (_copy, _is_copied), "--link-to": (_link, _is_linked)}
