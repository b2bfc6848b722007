"""Finding the nearest vectors: exactly, block by block, or approximately, through a graph of neighbours."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

BLOCK = 2**22  # numbers of vectors that are compared at once
CACHED_BLOCK = 2**18  # of a few queries, whose time goes into reading the vectors: as much as a core's cache holds
FEW = 3  # with more, what each block costs beside that counts
QUERIES = 256  # that are compared at once
HALF_BITS, HALF_SCALE = np.int32(-0x70000001), np.float32(2.0**112)  # of `widened`


class Finder(Protocol):
    """A way to find the nearest vectors."""

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows int64 [Q, k] and cosines float32 [Q, k], best first, for float32 queries [Q, D]."""


class Exact:
    """Compares every query with every vector, in blocks that are in memory one at a time."""

    def __init__(self, vectors: np.ndarray) -> None:
        """`vectors` are finite float16 [N, D], of unit length."""
        self._vectors = vectors

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows int64 [Q, k] and cosines float32 [Q, k], best first, for float32 queries [Q, D]."""
        starts = range(0, max(1, len(queries)), QUERIES)
        parts = [self._some(queries[start : start + QUERIES], k) for start in starts]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([cosines for _, cosines in parts])

    def _some(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        rows, cosines = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        for start, block in blocks(self._vectors, CACHED_BLOCK if len(queries) < FEW else BLOCK):
            new = queries @ block.T
            places = np.broadcast_to(np.arange(start, start + len(block)), new.shape)
            new_rows, new_cosines = best(places, new, k)
            rows, cosines = best(np.hstack([rows, new_rows]), np.hstack([cosines, new_cosines]), k)
        return rows, cosines


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [N, D] with a length of one; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def blocks(vectors: np.ndarray, numbers: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
    """Yield float16 vectors [N, D] block by block, as float32, with the row of the first."""
    step = max(1, numbers // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), step):
        yield start, widened(vectors[start : start + step])


def widened(halves: np.ndarray) -> np.ndarray:
    """Return finite float16 of any shape as float32, five times as fast as NumPy does.

    The bits of exponent and fraction are moved to their places, and the exponent's bias is made up for by a factor.
    """
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= HALF_BITS  # of the four copies of the sign, the first
    floats = bits.view(np.float32)
    floats *= HALF_SCALE
    return floats


def best(rows: np.ndarray, cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` best of `rows` and `cosines` [Q, N] of each query, best first; of equal ones, the first row."""
    if cosines.shape[1] > k:
        kept = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        rows, cosines = np.take_along_axis(rows, kept, 1), np.take_along_axis(cosines, kept, 1)
    order = np.lexsort((rows, -cosines), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)
