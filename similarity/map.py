"""A page with all pictures of an index, laid out by likeness, on which outliers and wrong labels show themselves."""

import logging
import os
from collections.abc import Iterator, Sequence
from itertools import compress, repeat
from typing import Any

import numpy as np
from PIL import Image

from console.progress import Progress
from console.text import readable
from drawing.pages import MAP
from errors import UsageError
from outputs.album import MOST_INSIDE, Album
from similarity.index import Index
from similarity.layout import choose_layout, lay_out
from similarity.oddness import NEIGHBOURS, Odd, find_odd
from similarity.pages import thumbnails
from similarity.picture import Picture
from similarity.small import SIDE as TILE
from similarity.small import restored

MAKER = ("find_similar.py", "--map")
MOST_SHOWN = 100_000  # pictures; of more, so many are chosen by chance
MOST_COPIES = 10_000  # pictures that are read for small copies; of more, the smaller ones of the index are shown
SIDE = 200  # of a small copy, pixels
TILES = 8  # small copies of the index in a line of a sheet, and lines
NAMES = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}
AT_ONCE = 1000  # pictures whose neighbours are looked for in one pass

logger = logging.getLogger("suite")


class MapPage:
    """The map of an index."""

    def __init__(
        self,
        path: str,
        index: Index,
        layout: str,
        force: bool,
        max_pixels: int,
        has_progress: bool = False,
        most_inside: int = MOST_INSIDE,
        most_copies: int = MOST_COPIES,
    ) -> None:
        """Choose what is shown; raises UsageError when the page may not be written, or the layout cannot be had."""
        if not len(index):
            raise UsageError(f"the index {index.folder} has no pictures that a map could show")
        self._album = Album(path, MAKER, force, most_inside=most_inside)
        self._index, self._max_pixels, self._has_progress = index, max_pixels, has_progress
        self._rows = np.arange(len(index))
        if len(index) > MOST_SHOWN:
            self._rows = np.sort(np.random.default_rng(0).choice(len(index), MOST_SHOWN, replace=False))
            logger.info("the map shows %s of %s pictures, chosen by chance", f"{MOST_SHOWN:,}", f"{len(index):,}")
        self._layout = choose_layout(layout, len(self._rows))
        self._has_copies = len(self._rows) <= most_copies

    def write(self) -> None:
        """Lay the pictures out, look for what is odd, and write the page."""
        logger.info("laying out %s pictures by %s", f"{len(self._rows):,}", NAMES[self._layout])
        vectors = self._index.vectors[self._rows]
        places = lay_out(vectors, self._layout)
        is_shown = np.isin(np.arange(len(self._index)), self._rows)
        pictures = list(compress(self._index.pictures, is_shown))
        names, labels = labels_of([picture.path for picture in pictures])
        neighbours, similarities = self._neighbours(vectors)
        odd = find_odd(labels, neighbours, similarities)
        self._keep_rows(pictures, places, labels, neighbours, odd)
        self._album.write(
            "map.html",
            MAP,
            images="" if self._has_copies else "'self' file:",
            model=self._index.model,
            layout=NAMES[self._layout],
            tile=TILE,
            tiles=TILES,
            all_pictures=len(self._index),
            labels=[readable(name) for name in names],
        )

    def _keep_rows(
        self, pictures: Sequence[Picture], places: np.ndarray, labels: np.ndarray, neighbours: np.ndarray, odd: Odd
    ) -> None:
        marks: dict[int, dict[str, int]] = {row: {"alone": rank} for rank, row in enumerate(odd.alone)}
        for rank, (row, label) in enumerate(odd.wrong.items()):
            marks.setdefault(row, {}).update(wrong=label, rank=rank)
        with Progress(self._has_progress and self._has_copies, count=lambda: len(pictures)) as progress:
            for row, (picture, image) in enumerate(zip(pictures, self._copies(pictures), strict=True)):
                kept: dict[str, Any] = {
                    "path": readable(picture.path),
                    "link": self._album.link_to(picture.path),
                    "x": round(float(places[row, 0]), 5),
                    "y": round(float(places[row, 1]), 5),
                    "label": int(labels[row]),
                    "near": neighbours[row][neighbours[row] >= 0].tolist(),
                }
                if image is not None:
                    kept["picture"] = self._album.keep(image)
                if not self._has_copies:
                    kept["ratio"] = round(picture.width / picture.height, 3)
                    if row % TILES**2 == 0:
                        some = self._rows[row : row + TILES**2]
                        kept["sheet"] = self._album.keep(sheet_of(self._index.small[some]), "-sheet")
                self._album.add(kept | marks.get(row, {}))
                progress.add(failed=False)

    def _copies(self, pictures: Sequence[Picture]) -> Iterator[Image.Image | None]:
        if not self._has_copies:
            return repeat(None, len(pictures))
        return thumbnails([picture.path for picture in pictures], SIDE, self._max_pixels, [self._index])

    def _neighbours(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places on the map of each picture's nearest others, int64 [N, K] (-1: not on it), and cosines."""
        place_of = np.full(len(self._index), -1)
        place_of[self._rows] = np.arange(len(self._rows))
        count = min(NEIGHBOURS, len(self._index) - 1)
        near, similarities = [], []
        for start in range(0, len(vectors), AT_ONCE):
            block = vectors[start : start + AT_ONCE].astype(np.float32)
            found, cosines = self._index.nearest(block, count + 1)
            is_other = found != self._rows[start : start + AT_ONCE, None]
            is_other[is_other.all(axis=1), -1] = False  # as one of many copies it may not have found itself
            near.append(place_of[found[is_other].reshape(len(block), count)])
            similarities.append(cosines[is_other].reshape(len(block), count))
        return np.concatenate(near), np.concatenate(similarities)


def sheet_of(small: np.ndarray) -> Image.Image:
    """Return small copies, uint8 [N, SMALL], as squares beside each other, TILES in a line."""
    sheet = Image.new("RGB", (TILES * TILE, TILES * TILE))
    for place, each in enumerate(small):
        line, column = divmod(place, TILES)
        sheet.paste(restored(each, TILE, TILE, TILE), (column * TILE, line * TILE))
    return sheet


def labels_of(paths: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the names of labels, which are those of the folders that pictures are in, and each picture's, int [N]."""
    folders = [os.path.basename(os.path.dirname(path)) for path in paths]
    names = sorted(set(folders))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[folder] for folder in folders], np.int64)
