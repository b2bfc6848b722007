"""A page whose pictures are in it or, where they are too many, in a folder that belongs to it.

Until the page is written, the small copies of its pictures are in a hidden folder beside it, and its rows in a
temporary file, so that memory does not grow with their number.
"""

import contextlib
import json
import logging
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from console.text import readable
from decoding.formats import IMAGE_SUFFIXES
from drawing.pages import stream_page
from drawing.thumbnails import data_uri, to_jpeg
from errors import UsageError
from files import scratch, written_whole

SUFFIXES = (".html", ".htm")
SIDE, QUALITY = 400, 75  # of a small copy: pixels of the longer side, and of the JPEG
MOST_INSIDE = 32 * 10**6  # bytes of pictures in the page itself; with more of them, they are files beside it
BASE64 = 4 / 3  # bytes in a page for one of a picture
PICTURES = ("picture", "heat", "sheet")  # what a row calls its small copies
ABOUT = "about.txt"  # says whose a folder of pictures is
ABOUT_TEXT = "The pictures of the page {}, which has to lie beside this folder; {} made both.\n"
HEAD = 1000  # bytes of a page in which its maker stands
OURS = re.compile(rf"\d{{6,}}(-heat|-sheet)?\.jpg|{re.escape(ABOUT)}")

logger = logging.getLogger("suite")


class Album:
    """The rows and pictures of a page, which is written whole or not at all.

    `maker` is the script and its option that asks for the page. What exists is overwritten only with `overwrite`, or,
    when a run `goes_on`, if it is a page of the same maker. Raises UsageError when it may not or cannot be written.
    """

    def __init__(
        self,
        path: str,
        maker: tuple[str, str],
        overwrite: bool = False,
        goes_on: bool = False,
        most_inside: int = MOST_INSIDE,
    ) -> None:
        self._path, self._folder = Path(path), Path(folder_of(path))
        self._script, self._option = maker
        self._generator = " ".join(maker)
        check_place(path, self._option, overwrite or (goes_on and self._is_page()))
        self._most_inside = most_inside
        self.count = self._bytes = 0
        at_end = contextlib.ExitStack()
        self._remove_unfinished = weakref.finalize(self, at_end.close)
        with self._writing():
            self._unfinished = at_end.enter_context(scratch(self._folder))
            self._unfinished.mkdir()
            self._rows = at_end.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))  # noqa: SIM115

    @property
    def is_written(self) -> bool:
        """Whether the page is in its place."""
        return not self._remove_unfinished.alive

    def keep(self, image: Image.Image, ending: str = "", quality: int = QUALITY) -> str:
        """Keep a small copy for the row that comes next, and return what that has to call it."""
        name = f"{self.count + 1:06}{ending}.jpg"
        data = to_jpeg(image, quality)
        with self._writing():
            (self._unfinished / name).write_bytes(data)
        self._bytes += len(data)
        return name

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row; what it calls by one of PICTURES is a small copy."""
        with self._writing():
            self._rows.write(json.dumps(row) + "\n")
        self.count += 1

    def link_to(self, source: str) -> str:
        """Return the address of a picture's file from the page."""
        return link_to(source, self._path.parent)

    def write(self, template: str, kind: str, images: str = "", **content: Any) -> None:
        """Write the page from a template of `drawing/page/`; `images` is where else its policy lets pictures come from.

        The template gets the rows, where they are, and whatever `content` there is.
        """
        is_inside = self._bytes * BASE64 <= self._most_inside
        folder = "" if is_inside else self._folder.name
        page = stream_page(
            template,
            kind,
            images=" ".join(dict.fromkeys(["data:", *([] if is_inside else ["'self'", "file:"]), *images.split()])),
            generator=self._generator,
            count=self.count,
            folder=folder,
            address=f"{quote(os.fsencode(folder))}/",
            rows=self._stored_rows(is_inside),
            **content,
        )
        with self._writing():
            self._place_pictures(is_inside)
            with (
                written_whole(self._path) as unfinished,
                open(unfinished, "w", encoding="utf-8", errors="replace", newline="\n") as file,
            ):
                file.writelines(page)
        self._remove_unfinished()
        if not is_inside:
            logger.info("%s has its pictures in the folder %s, which has to stay beside it", self._path, self._folder)

    def _place_pictures(self, is_inside: bool) -> None:
        if not is_inside and not self._unfinished.exists():  # Ctrl-C came when they were in their place
            return
        _remove_pictures(self._folder)
        if not is_inside:
            about = ABOUT_TEXT.format(readable(self._path.name), self._script)
            (self._unfinished / ABOUT).write_text(about, encoding="utf-8")
            self._unfinished.replace(self._folder)

    def _stored_rows(self, is_inside: bool) -> Iterator[dict[str, Any]]:
        self._rows.seek(0)
        for line in self._rows:
            row = json.loads(line)
            if is_inside:
                row |= {key: data_uri((self._unfinished / row[key]).read_bytes()) for key in PICTURES if row.get(key)}
            yield row

    def _is_page(self) -> bool:
        """Return whether the file is a page of the same maker, or there is none."""
        try:
            with open(self._path, "rb") as file:
                return self._generator.encode() in file.read(HEAD)
        except OSError:
            return not os.path.lexists(self._path)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"cannot write {self._option} {self._path}: {error.strerror or error}") from error


def check_place(path: str, option: str, overwrite: bool) -> None:
    """Raise UsageError when the page that an option asks for may not be written to `path`."""
    folder = Path(folder_of(path))
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError(f"{option} {path} is a web page; give a name that ends in .html")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"{option} {path} is not a file")
    for place in (path, folder):
        if os.path.lexists(place) and not overwrite:
            raise UsageError(f"{option}: {place} exists; --force overwrites it")
    if os.path.lexists(folder) and not _is_ours(folder):
        raise UsageError(f"{option} {path} would replace {folder}, which it did not make; give another name")


def folder_of(path: str) -> str:
    """Return the folder that a page's pictures go to when they are too many for the page."""
    return f"{os.path.splitext(path)[0]}_files"  # as browsers call it when they save a page


def link_to(source: str, folder: Path) -> str:
    """Return the address of a picture's file from a page in `folder`, or "" for what is no file with such a name."""
    if not (source.lower().endswith(IMAGE_SUFFIXES) and os.path.isfile(source)):
        return ""
    try:
        path = Path(os.path.relpath(source, folder))
    except ValueError:  # on another drive
        return Path(source).absolute().as_uri()
    return quote(os.fsencode(path.as_posix()))


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
