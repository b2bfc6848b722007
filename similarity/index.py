"""An index that is open to be searched: pictures with their vectors, a row each."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, overload

import numpy as np

from errors import UsageError
from settings import SEARCHES, check_choice
from similarity.database import NoIndexError, is_index
from similarity.graph import Graph, build_graph, is_stale, is_wanted, open_graph
from similarity.picture import Picture
from similarity.search import Exact, Finder
from similarity.store import Store

ROWS_AT_ONCE = 1000

logger = logging.getLogger("suite")


class Index:
    """Pictures that could be read, each a row: its facts, its vector, its small copy. A context manager."""

    def __init__(self, store: Store, search: str = "auto") -> None:
        self._store = store
        self._search = search
        self.finder: Finder | None = None  # of `nearest`, which opens it when it is first asked
        self.folder = store.folder
        self.made_with: dict[str, Any] = store.about
        self.pictures: Sequence[Picture] = Pictures(store)
        self.vectors = store.vectors()  # float16 [N, D], memory-mapped, of unit length
        self.small = store.small()  # uint8 [N, SMALL], memory-mapped, as `small_copy` makes them

    @property
    def model(self) -> str:
        """The name or the folder of the model that made it."""
        return self.made_with["model"]

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` rows whose vectors are nearest to queries, float32 [Q, D], best first, and their cosines.

        They are int64 [Q, k] and float32 [Q, k]; fewer than k columns where there are fewer rows.
        """
        if self.finder is None:
            self.finder = self._graph() or Exact(self.vectors)
        return self.finder.nearest(np.asarray(queries, np.float32), min(k, len(self)))

    def _graph(self) -> Graph | None:
        if not len(self) or self._store.graph is None or not is_wanted(self._search, self._store):
            return None
        graph = open_graph(self._store, self.vectors)
        if graph is None:
            logger.warning(
                "the graph in the index %s cannot be read, and each picture is compared instead; "
                "--search approximate builds another one", self.folder
            )  # fmt: skip
        return graph

    def vector_of(self, sha256: bytes) -> np.ndarray | None:
        """Return the vector of a picture with this content, float32 [D], if there is one."""
        rows = self._store.with_content(sha256)
        return self.vectors[rows[0].row].astype(np.float32) if rows else None

    def row_at(self, key: str) -> int | None:
        """Return the row of the picture that has this absolute path."""
        row = self._store.at(key)
        return None if row is None else row.row

    def close(self) -> None:
        """Let go of its files."""
        self._store.close()

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pictures(Sequence[Picture]):
    """The pictures of an index, read from its table when they are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = len(store)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Picture: ...
    @overload
    def __getitem__(self, at: slice) -> list[Picture]: ...
    def __getitem__(self, at: int | slice) -> Picture | list[Picture]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(self._count))]
        row = int(at) + (self._count if at < 0 else 0)  # of NumPy's integers, SQLite makes something else
        if not 0 <= row < self._count:
            raise IndexError(at)
        return self._store.rows(row, row + 1)[0].picture

    def __iter__(self) -> Iterator[Picture]:
        for start in range(0, self._count, ROWS_AT_ONCE):
            yield from (row.picture for row in self._store.rows(start, start + ROWS_AT_ONCE))


def open_index(folder: str | os.PathLike[str], search: str = "auto") -> Index:
    """Open the index in a folder; raises UsageError when there is none, or when it is damaged or being written.

    `search` is "exact", "approximate" (with a graph, which is built where it is missing) or, by the number of
    pictures, "auto".
    """
    check_choice("search", search, SEARCHES)
    path = Path(folder)
    if not is_index(path):
        what = "is a file" if path.is_file() else "holds no index" if path.exists() else "does not exist"
        raise UsageError(f"{path} {what}; build one with --image PICTURES --index {path}")
    store = Store(path)
    try:
        lacks_graph = search == "approximate" and is_wanted(search, store) and is_stale(store)
        if lacks_graph or not store.is_tidy:
            made_with = store.about
            store.close()
            finish(path, made_with, search)
            store = Store(path)
        return Index(store, search)
    except BaseException:
        store.close()
        raise


def finish(folder: Path, made_with: dict[str, Any], search: str) -> None:
    """Bring in order what a run has left that was ended, and build a graph where it is wanted and missing."""
    with closing(Store(folder, made_with)) as store:
        store.tidy()
        if is_wanted(search, store) and is_stale(store) and len(store):
            build_graph(store)


def made_with(folder: Path) -> dict[str, Any] | None:
    """Return what made the index in a folder; None when there is no index yet."""
    if is_index(folder):
        with contextlib.suppress(NoIndexError), closing(Store(folder)) as store:
            return store.about
    return None
