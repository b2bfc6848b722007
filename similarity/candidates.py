"""Which pictures may be duplicates: not all pairs, but neighbours by their vectors and by their patterns."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from console import bar_is_off
from similarity import graph
from similarity.pool import Pool
from similarity.small import CELLS, patterns

if TYPE_CHECKING:
    from usearch.index import Index as Neighbours

Find = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

AT_ONCE = 2048  # pictures whose neighbours are looked for
NEIGHBOURS = 24  # of a picture, at most, of each kind
ALIKE = 0.9  # correlation of patterns


def in_blocks(numbers: np.ndarray, size: int, doing: str) -> Iterator[np.ndarray]:
    """Yield numbers so many at a time; what takes long says on a terminal how far it is."""
    with tqdm(total=len(numbers), desc=doing, delay=1, leave=False, disable=bar_is_off()) as bar:
        for start in range(0, len(numbers), size):
            yield numbers[start : start + size]
            bar.update(min(size, len(numbers) - start))


def unique_pairs(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Return pairs of numbers below `count` as one number each, sorted, without those of a number with itself."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.unique((low * count + high)[(low != high) & (low >= 0)])


def near_pairs(pool: Pool, least: float) -> Iterator[np.ndarray]:
    """Yield pairs of contents whose vectors have a cosine of at least `least`, as `unique_pairs` gives them."""
    for some in in_blocks(pool.sides[0] if len(pool.sides[1]) else pool.sides[1], AT_ONCE, "looking for pictures"):
        found, cosines = pool.nearest(pool.vectors(some), NEIGHBOURS + 1)
        rows, columns = np.nonzero(cosines >= least)
        yield unique_pairs(some[rows], found[rows, columns], pool.contents)


def alike_pairs(pool: Pool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of contents whose patterns are alike, and those of which one's is like the other's mirrored."""
    left = _all_patterns(pool, pool.sides[0])
    right = _all_patterns(pool, pool.sides[1]) if pool.is_two else left
    alike = find_in_graph(right) if len(right) >= graph.LEAST and graph.is_installed() else find_exactly(right)
    for some in in_blocks(np.arange(len(left)), AT_ONCE, "looking for patterns"):
        start, block = some[0], left[some]
        mirrored = block.reshape(-1, CELLS, CELLS)[..., ::-1].reshape(block.shape)
        found = [alike(each) for each in (block, mirrored)]
        direct, flipped = (
            unique_pairs(pool.sides[0][start + rows], pool.sides[1][columns], pool.contents) for rows, columns in found
        )
        yield direct, flipped


def _all_patterns(pool: Pool, contents: np.ndarray) -> np.ndarray:
    parts = [patterns(pool.small(some)) for some in in_blocks(contents, AT_ONCE, "reading patterns")]
    return np.concatenate([np.empty((0, CELLS * CELLS), np.float32), *parts])


def find_exactly(patterns: np.ndarray) -> Find:
    """Return what compares patterns, float32 [n, CELLS * CELLS], with all of `patterns`."""
    return partial(_alike, patterns=patterns)


def find_in_graph(patterns: np.ndarray) -> Find:
    """Return what finds most of the same through a graph of neighbours, which is made here."""
    from usearch.index import Index as Neighbours

    neighbours = Neighbours(ndim=patterns.shape[1], metric="cos", dtype="f16")
    for some in in_blocks(np.flatnonzero(patterns.any(axis=1)), AT_ONCE, "graph of patterns"):
        neighbours.add(some, patterns[some])
    return partial(_alike_in_graph, neighbours=neighbours)


def _alike_in_graph(block: np.ndarray, neighbours: "Neighbours") -> tuple[np.ndarray, np.ndarray]:
    said = np.flatnonzero(block.any(axis=1))
    if not len(said) or not len(neighbours):
        return said[:0], said[:0]
    found = neighbours.search(block[said], NEIGHBOURS + 1)
    keys, distances = (np.reshape(each, (len(said), -1)) for each in (found.keys, found.distances))
    rows, columns = np.nonzero(distances < 1 - ALIKE)
    return said[rows], keys[rows, columns].astype(np.int64)


def _alike(block: np.ndarray, patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of `block` and rows of `patterns` that are alike: of each of the former, the most alike ones."""
    rows, columns, values = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for start in range(0, len(patterns), AT_ONCE):
        products = block @ patterns[start : start + AT_ONCE].T
        found = np.nonzero(products > ALIKE)
        rows.append(found[0])
        columns.append(found[1] + start)
        values.append(products[found])
        if sum(map(len, rows)) > 4 * NEIGHBOURS * AT_ONCE:
            rows, columns, values = ([each] for each in _best(rows, columns, values))
    return _best(rows, columns, values)[:2]


def _best(rows: list, columns: list, values: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep of each row the NEIGHBOURS + 1 largest values; the picture itself may be among them."""
    row, column, value = map(np.concatenate, (rows, columns, values))
    order = np.lexsort((-value, row))
    row = row[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = order[rank <= NEIGHBOURS]
    return np.concatenate(rows)[kept], column[kept], value[kept]
