"""The pictures that duplicates are looked for among: those of one index, or of two that are compared."""

import os
from functools import cached_property

import numpy as np

from similarity.index import Index
from similarity.picture import Picture
from sources.named import absolute

DIGITS = 32  # of a SHA-256 in hexadecimal, which are enough to tell contents apart


class Pool:
    """Pictures are numbered, through both indexes; so are their contents, each of which is looked at once.

    Of a picture that is in both indexes, the one in the second counts; and in each index, a file once, whatever links
    lead to it.
    """

    def __init__(self, index: Index, other: Index | None = None) -> None:
        self._indexes = [index] if other is None else [index, other]
        self.is_two = other is not None
        known = {absolute(picture.path) for picture in other.pictures} if other else set()
        most = sum(map(len, self._indexes))
        places, digests, count = np.empty((most, 2), np.int64), np.empty(most, f"S{DIGITS}"), 0
        for side, each in enumerate(self._indexes):
            for row, picture in enumerate(each.pictures):
                if side == 1 or not known or absolute(picture.path) not in known:
                    places[count], digests[count] = (side, row), picture.sha256[:DIGITS]
                    count += 1
        self._number(places[:count], digests[:count])
        if links := self._links():
            self._number(*(np.delete(of_each, links, axis=0) for of_each in (places[:count], digests[:count])))

    @property
    def contents(self) -> int:
        """How many different contents there are."""
        return len(self.first)

    def picture(self, number: int) -> Picture:
        """Return what is known of a picture."""
        side, row = self._places[number].tolist()
        return self._indexes[side].pictures[row]

    def side(self, number: int) -> int:
        """Return 0 for a picture of the first index, and 1 for one of the second."""
        return int(self._places[number, 0])

    def _number(self, places: np.ndarray, digests: np.ndarray) -> None:
        self._places = places  # the index and the row of each picture
        _, self.first, self._content = np.unique(digests, return_index=True, return_inverse=True)
        self.copies = self._copies()  # the pictures of each content that several have

    def _links(self) -> list[int]:
        """Return the pictures whose file is that of another one of their index, by a symbolic link."""
        links, files = [], set()
        for numbers in self.copies.values():
            paths = {number: absolute(self.picture(number).path) for number in numbers}
            real = {number: os.path.realpath(path) for number, path in paths.items()}
            for number in sorted(numbers, key=lambda number: real[number] != paths[number]):
                file = self.side(number), real[number]
                if file in files:
                    links.append(number)
                files.add(file)
        return links

    def _copies(self) -> dict[int, list[int]]:
        order = np.argsort(self._content, kind="stable")
        counts = np.bincount(self._content, minlength=self.contents)
        ends = np.cumsum(counts)
        return {
            int(content): order[ends[content] - counts[content] : ends[content]].tolist()
            for content in np.flatnonzero(counts > 1)
        }

    def pictures_of(self, content: int) -> list[int]:
        """Return the pictures that have a content, the first one first."""
        return self.copies.get(content) or [int(self.first[content])]

    @cached_property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """The contents that are in each index, int64; both are all of them where there is one index only."""
        if not self.is_two:
            return np.arange(self.contents), np.arange(self.contents)
        side = self._places[:, 0]
        return np.unique(self._content[side == 0]), np.unique(self._content[side == 1])

    def vectors(self, contents: np.ndarray) -> np.ndarray:
        """Return the vectors of contents, float32 [n, D]."""
        return self._taken([each.vectors for each in self._indexes], contents).astype(np.float32)

    def small(self, contents: np.ndarray) -> np.ndarray:
        """Return the small copies of contents, uint8 [n, SMALL]."""
        return self._taken([each.small for each in self._indexes], contents)

    def _taken(self, arrays: list[np.ndarray], contents: np.ndarray) -> np.ndarray:
        sides, rows = self._places[self.first[contents]].T
        taken = np.empty((len(rows), max(array.shape[1] for array in arrays)), arrays[0].dtype)
        for side, array in enumerate(arrays):
            if len(array):  # one without rows may not know how long they are
                taken[sides == side] = array[rows[sides == side]]
        return taken

    def nearest(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the contents with the nearest vectors in the second index, or in the only one, and their cosines.

        They are [Q, k] each, as `Index.nearest` returns them; -1 stands for what is left out.
        """
        rows, cosines = self._indexes[-1].nearest(vectors, k)
        return self._of_last[rows], cosines

    @cached_property
    def _of_last(self) -> np.ndarray:
        """The content of each row of the last index."""
        is_last = self._places[:, 0] == len(self._indexes) - 1
        contents = np.full(len(self._indexes[-1]), -1, np.int64)
        contents[self._places[is_last, 1]] = self._content[is_last]
        return contents
