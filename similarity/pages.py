"""Pages to browse what was found: around each query the pictures that are like it, and duplicates in their groups."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from PIL import Image

from console.text import bytes_as_text, readable
from drawing.pages import FOUND
from drawing.thumbnails import shrink
from errors import ImageError
from outputs.album import SIDE, Album
from settings import MAX_PIXELS, WORKERS
from similarity.index import Index
from similarity.picture import Picture
from similarity.query import Answer
from similarity.small import restored
from sources.frames import read_ahead
from sources.named import absolute
from sources.pictures import named_picture

if TYPE_CHECKING:
    from similarity.duplicates import Member

MAKER = ("find_similar.py", "--gallery")
NOTHING = "nothing is as similar as --threshold asks for"


@dataclass(frozen=True)
class Tile:
    """A picture on the page, and what is said of it."""

    path: str
    name: str  # what it is in its group: "query", its rank, "best"
    similarity: float = 1.0  # to the first picture of its group
    about: str = ""  # a line about the file
    is_first: bool = False  # what the others of its group are compared with
    error: str = ""


class GroupsPage:
    """A page of groups, which is written when its `with` block ends, and not after an error.

    Raises UsageError when the page may not or cannot be written.
    """

    titles = "{} group", "{} groups"  # get their number
    about = "Similarity by the features of {}"  # gets the model
    chosen_by = "Group"  # what the `choice` of a group is

    def __init__(
        self, path: str, index: Index, force: bool, max_pixels: int = MAX_PIXELS, against: Index | None = None
    ) -> None:
        self._album = Album(path, MAKER, force)
        self._index, self._max_pixels = index, max_pixels
        self._indexes = [index] if against is None else [index, against]
        self.count = 0

    def add(self, heading: str, choice: str, tiles: Sequence[Tile]) -> None:
        """Keep a group, with thumbnails of its pictures; the list of the page shows those of one `choice` alone."""
        self.count += 1
        images = thumbnails([tile.path for tile in tiles], SIDE, self._max_pixels, self._indexes)
        for tile, image in zip(tiles, images, strict=True):
            self._album.add(
                {
                    "group": self.count,
                    "heading": readable(heading),
                    "choice": readable(choice),
                    "path": readable(tile.path),
                    "link": self._album.link_to(tile.path),
                    "picture": self._album.keep(image) if image else "",
                    "kind": "anchor" if tile.is_first else "named",
                    "name": tile.name,
                    "score": round(min(tile.similarity, 1.0), 4),
                    "about": tile.about,
                    "error": readable(tile.error),
                }
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        if error_type is None:
            title = self.titles[self.count != 1].format(f"{self.count:,}")
            about = self.about.format(self._index.model)
            self._album.write("found.html", FOUND, title=title, about=about, chosen_by=self.chosen_by)


class FoundPage(GroupsPage):
    """The page of queries: each with what was found for it."""

    titles = "Found for {} query", "Found for {} queries"
    chosen_by = "Query"

    def write(self, answer: Answer) -> None:
        """Take what was found for a query."""
        self.add(answer.query, answer.query, tuple(self._tiles(answer)))

    def _tiles(self, answer: Answer) -> Iterator[Tile]:
        for path in answer.like or (answer.query,):
            about = "" if answer.matches or answer.error else NOTHING
            yield Tile(path, "query", 1.0, about, is_first=True, error=answer.error)
        for path in answer.unlike:
            yield Tile(path, "unlike", is_first=True)
        for rank, match in enumerate(answer.matches, start=1):
            yield Tile(match.path, f"{rank}.", match.similarity, about_file(self._index.pictures[match.row]))


class DuplicatesPage(GroupsPage):
    """The page of duplicates in their groups, the best one first."""

    titles = "{} group of duplicates", "{} groups of duplicates"
    about = "The best of each group, which is proposed to be kept, comes first, and the others are compared with it"
    chosen_by = "Level"

    def write(self, group: "Sequence[Member]") -> None:
        """Take a group, the best first, which the others are compared with; the loosest level is that of all of it."""
        level = group[-1].level_name
        self.add(f"{self.count + 1:,}. {level}", level, tuple(map(_tile_of, group)))


def _tile_of(one: "Member") -> Tile:
    name = "best" if one.is_best else one.level_name
    return Tile(one.picture.path, name, one.similarity, about_file(one.picture), one.is_best)


def about_file(picture: Picture) -> str:
    """Return the size of a picture, that of its file and its format, in a line."""
    parts = [f"{picture.width:,} × {picture.height:,}", bytes_as_text(picture.size), picture.format.upper()]
    return ", ".join(part for part in parts if part)


def thumbnails(
    paths: Iterable[str], side: int, max_pixels: int, indexes: Sequence[Index]
) -> Iterator[Image.Image | None]:
    """Yield a thumbnail of each picture, at most `side` pixels long, in order, a few ahead on threads.

    Of what is in an archive, is a frame of a video, or is gone, it is the small copy of the index that has it, which
    is blurred; None where none has it.
    """
    return read_ahead(paths, lambda path: _thumbnail(path, side, max_pixels) or _kept(path, side, indexes), WORKERS)


def _thumbnail(path: str, side: int, max_pixels: int) -> Image.Image | None:
    named: Any = named_picture(path)
    if isinstance(named, str) and not os.path.isfile(named):
        return None
    try:
        return shrink(named if isinstance(named, str) else named.picture, max_pixels, side, path)
    except ImageError:
        return None


def _kept(path: str, side: int, indexes: Sequence[Index]) -> Image.Image | None:
    for index in indexes:
        row = index.row_at(absolute(path))
        if row is not None:
            picture = index.pictures[row]
            return restored(index.small[row], picture.width, picture.height, side)
    return None
