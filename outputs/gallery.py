"""The run as one page: pictures under their labels, to filter, to sort and to look at in a browser.

While the run goes on, a small copy of each picture is kept in a hidden folder beside the page, and its row in a
temporary file. At the end the copies go into the page or, where they are too many, into a folder that belongs to it.
"""

import contextlib
import json
import logging
import os
import re
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from console.text import readable
from decoding.formats import IMAGE_SUFFIXES
from drawing.pages import GALLERY, stream_page
from drawing.thumbnails import data_uri, shrink, to_jpeg
from errors import ImageError, UsageError
from files import scratch, written_whole
from labels import ClassLabel
from outputs import Output
from outputs.rows import shortest
from results import Result

if TYPE_CHECKING:
    from outputs.explain import ExplainedOutput
    from sources.frames import Frame

SUFFIXES = (".html", ".htm")
SIDE, QUALITY = 400, 75  # of a small copy: pixels of the longer side, and of the JPEG
MOST_INSIDE = 32 * 10**6  # bytes of pictures in the page itself; with more of them, they are files beside it
BASE64 = 4 / 3  # bytes in a page for one of a picture
ABOUT = "about.txt"  # says whose a folder of pictures is
ABOUT_TEXT = "The pictures of the page {}, which has to lie beside this folder; classify_image.py made both.\n"
GENERATOR = "classify_image.py --gallery"  # in the head of a page
HEAD = 1000  # bytes of a page in which that stands
OURS = re.compile(rf"\d{{6,}}(-heat)?\.jpg|{re.escape(ABOUT)}")

logger = logging.getLogger("suite")


class GalleryOutput(Output):
    """Makes the page when the run ends, also by Ctrl-C; it is written whole or not at all.

    With `explained`, what the model looked at is shown beside each picture. What exists is overwritten only with
    `overwrite`, or, when a run `goes_on`, if it is such a page. Raises UsageError when it may not or cannot be written.
    """

    draws = True

    def __init__(
        self,
        path: str,
        model: str,
        labels: Sequence[ClassLabel],
        max_pixels: int,
        explained: "ExplainedOutput | None" = None,
        overwrite: bool = False,
        goes_on: bool = False,
        most_inside: int = MOST_INSIDE,
    ) -> None:
        self._path, self._folder = Path(path), Path(folder_of(path))
        _check_place(self._path, self._folder, overwrite or (goes_on and _is_page(self._path)))
        self._model = model
        self._names = distinct_names(labels)
        self._max_pixels = max_pixels
        self._explained = explained
        self._most_inside = most_inside
        self._count = self._bytes = 0
        at_end = contextlib.ExitStack()
        self._remove_unfinished = weakref.finalize(self, at_end.close)
        with _writing(self._path):
            self._unfinished = at_end.enter_context(scratch(self._folder))
            self._unfinished.mkdir()
            self._rows = at_end.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))  # noqa: SIM115

    def write(self, frame: "Frame", result: Result) -> None:
        """Keep a row and a small copy of the picture that `frame` has kept."""
        row: dict[str, Any] = {
            "path": readable(result.source),
            "link": link_to(result.source, self._path.parent) if not result.error else "",
            "labels": [
                [readable(self._names[ClassLabel(class_id, label)]), shortest(score)]
                for class_id, label, score in result.predictions
            ],
            "error": readable(result.error),
        }
        with _writing(self._path):
            if not result.error:
                row |= self._keep_pictures(frame, result)
            self._rows.write(json.dumps(row) + "\n")
        self._count += 1

    def lacks(self, _source: str) -> bool:
        """Return True: a page shows the whole run, and of what an earlier process did only the rows are left."""
        return True

    def finish(self) -> int:
        """Write the page."""
        self._write_page(is_whole=True)
        return 0

    def break_off(self) -> None:
        """Write the page of what was answered, if that is anything."""
        if self._count and self._remove_unfinished.alive:
            try:
                self._write_page(is_whole=False)
            except UsageError as error:
                logger.error("error: %s", error)

    def _keep_pictures(self, frame: "Frame", result: Result) -> dict[str, str]:
        try:
            image = shrink(frame.picture, self._max_pixels, SIDE, result.source)
        except ImageError:  # of a part that the model does not see
            return {}
        kept = {"picture": self._keep(image, "")}
        if self._explained is not None:
            label, score, seen = next(self._explained.look(np.asarray(image), frame, result))
            kept |= {"heat": self._keep(Image.fromarray(seen), "-heat"), "seen": f"{readable(label)}: {score:.1%}"}
        return kept

    def _keep(self, image: Image.Image, ending: str) -> str:
        name = f"{self._count + 1:06}{ending}.jpg"
        data = to_jpeg(image, QUALITY)
        (self._unfinished / name).write_bytes(data)
        self._bytes += len(data)
        return name

    def _write_page(self, is_whole: bool) -> None:
        is_inside = self._bytes * BASE64 <= self._most_inside
        with _writing(self._path):
            self._place_pictures(is_inside)
            with (
                written_whole(self._path) as unfinished,
                open(unfinished, "w", encoding="utf-8", errors="replace", newline="\n") as file,
            ):
                file.writelines(self._page(is_inside, is_whole))
        self._remove_unfinished()
        if not is_inside:
            logger.info("%s has its pictures in the folder %s, which has to stay beside it", self._path, self._folder)

    def _place_pictures(self, is_inside: bool) -> None:
        if not is_inside and not self._unfinished.exists():  # Ctrl-C came when they were in their place
            return
        _remove_pictures(self._folder)
        if not is_inside:
            (self._unfinished / ABOUT).write_text(ABOUT_TEXT.format(readable(self._path.name)), encoding="utf-8")
            self._unfinished.replace(self._folder)

    def _page(self, is_inside: bool, is_whole: bool) -> Iterator[str]:
        folder = "" if is_inside else self._folder.name
        return stream_page(
            "gallery.html",
            GALLERY,
            images="data:" if is_inside else "data: 'self' file:",
            generator=GENERATOR,
            model=self._model,
            count=self._count,
            is_whole=is_whole,
            folder=folder,
            address=f"{quote(os.fsencode(folder))}/",
            rows=self._stored_rows(is_inside),
        )

    def _stored_rows(self, is_inside: bool) -> Iterator[dict[str, Any]]:
        self._rows.seek(0)
        for line in self._rows:
            row = json.loads(line)
            if is_inside:
                row |= {
                    key: data_uri((self._unfinished / row[key]).read_bytes())
                    for key in ("picture", "heat") if key in row
                }  # fmt: skip
            yield row


def folder_of(path: str) -> str:
    """Return the folder that a page's pictures go to when they are too many for the page."""
    return f"{os.path.splitext(path)[0]}_files"  # as browsers call it when they save a page


def distinct_names(labels: Sequence[ClassLabel]) -> dict[ClassLabel, str]:
    """Return a name for each label, with the class id where two share one: ImageNet has two kinds of crane."""
    counts = Counter(label.label for label in labels)
    return {label: f"{label.label} ({label.class_id})" if counts[label.label] > 1 else label.label for label in labels}


def link_to(source: str, folder: Path) -> str:
    """Return the address of a picture's file from a page in `folder`, or "" for what is no file with such a name."""
    if not (source.lower().endswith(IMAGE_SUFFIXES) and os.path.isfile(source)):
        return ""
    try:
        path = Path(os.path.relpath(source, folder))
    except ValueError:  # on another drive
        return Path(source).absolute().as_uri()
    return quote(os.fsencode(path.as_posix()))


def _check_place(path: Path, folder: Path, overwrite: bool) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--gallery {path} is a web page; give a name that ends in .html")
    if path.exists() and not path.is_file():
        raise UsageError(f"--gallery {path} is not a file")
    for place in (path, folder):
        if os.path.lexists(place) and not overwrite:
            raise UsageError(f"--gallery: {place} exists; --force overwrites it")
    if os.path.lexists(folder) and not _is_ours(folder):
        raise UsageError(f"--gallery {path} would replace {folder}, which it did not make; give another name")


def _is_page(path: Path) -> bool:
    """Return whether a file is the page of a run, or there is none."""
    try:
        with open(path, "rb") as file:
            return GENERATOR.encode() in file.read(HEAD)
    except OSError:
        return not os.path.lexists(path)


def _is_ours(folder: Path) -> bool:
    """Return whether a folder holds the pictures of a page and nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = os.listdir(folder)
    return ABOUT in names and all(OURS.fullmatch(name) for name in names)


def _remove_pictures(folder: Path) -> None:
    """Remove the pictures of an earlier page; raises OSError when the folder has become another one meanwhile."""
    if os.path.lexists(folder):
        if not _is_ours(folder):
            raise FileExistsError(None, "its folder of pictures holds other files", str(folder))
        shutil.rmtree(folder)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write --gallery {path}: {error.strerror or error}") from error
