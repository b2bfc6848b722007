"""Approximate search: a graph of neighbours (HNSW, Malkov and Yashunin 2016) of short vectors, in usearch.

The graph has vectors of 256 numbers of 8 bits: projections on the main axes of a sample (PCA without a mean), which
keep cosines. What it finds is compared with the whole vectors, so that cosines are exact and only a neighbour may be
missed. How often that happens is measured when the graph is built, and decides how far it is searched. Where vectors
have no neighbourhoods that lead to each other, as when they are mostly noise, all of the short ones are compared.
"""

import importlib.util
import logging
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from console import bar_is_off
from errors import UsageError
from files import written_whole
from similarity.search import Exact, Finder, best, blocks, unit, widened
from similarity.store import Store

if TYPE_CHECKING:
    from usearch.index import Index as Neighbours

LEAST = 50_000  # pictures from which on a graph is worth its time
AXES = 256
SAMPLE = 20_000  # vectors that the axes are chosen by
CONNECTIVITY, EXPANSION = 16, 128  # of a vector that is added
MOST_WANTED = 256  # of a query; for more, exact search is as quick
MOST_SCANNED = 100  # queries at once; more are compared as quickly with the whole vectors
PROBES, WANTED = 100, 10  # pictures that measure the recall before the graph knows them, and how many they ask for
GOOD, LEAST_GOOD = 0.995, 0.99  # recall that is aimed for, and that is enough
ROUNDING = 1e-6  # of a cosine
STALE = 0.1  # share of pictures that the graph lacks, from which on it is built anew

logger = logging.getLogger("suite")


class Reach(NamedTuple):
    """How far a search goes."""

    candidates: int  # that are compared with the whole vectors; of a graph also what HNSW calls ef
    scans: bool = False  # whether all short vectors are compared, instead of those that the graph leads to


REACHES = (Reach(128), Reach(256), Reach(512), Reach(1024), Reach(1024, scans=True), Reach(4096, scans=True))


class Graph:
    """Finds candidates in the graph, and the best of them, and of what it lacks, by their whole vectors."""

    def __init__(
        self,
        vectors: np.ndarray,
        neighbours: "Neighbours",
        axes: np.ndarray,
        others: np.ndarray,
        reach: Reach = REACHES[0],
    ) -> None:
        """Vectors are float16 [N, D]; `others` int64 [M] are rows that the graph lacks or knows with another vector."""
        self.vectors, self._neighbours, self._axes, self.reach = vectors, neighbours, axes, reach
        self._others, self._exact, self._exact_others = others, Exact(vectors), Exact(vectors[others])

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows int64 [Q, k] and cosines float32 [Q, k], best first, for float32 queries [Q, D]."""
        wanted = min(self.reach.candidates, len(self._neighbours))
        if k > MOST_WANTED or wanted < 4 * k or (self.reach.scans and len(queries) > MOST_SCANNED):
            return self._exact.nearest(queries, k)
        self._neighbours.expansion_search = wanted
        short = shortened(queries, self._axes)
        keys = self._neighbours.search(short, wanted, exact=self.reach.scans).keys.reshape(len(queries), -1)
        found = [self._best(query, row, k) for query, row in zip(queries, keys.astype(np.int64), strict=True)]
        rows, cosines = (np.stack(each) for each in zip(*found, strict=True))
        if not len(self._others):
            return rows, cosines
        places, more = self._exact_others.nearest(queries, k)
        return best(np.hstack([rows, self._others[places]]), np.hstack([cosines, more]), k)

    def _best(self, query: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
        rows = np.setdiff1d(rows[rows < len(self.vectors)], self._others)
        if len(rows) < k:  # most of those near it have left
            return tuple(each[0] for each in self._exact.nearest(query[None], k))
        cosines = widened(self.vectors[rows]) @ query
        order = np.argsort(-cosines, kind="stable")[:k]
        return rows[order], cosines[order]


def is_installed() -> bool:
    """Return whether the library of the graph is there."""
    return importlib.util.find_spec("usearch") is not None


def check_installed(search: str) -> None:
    """Raise UsageError when a way to search needs what is not installed."""
    if search == "approximate" and not is_installed():
        raise UsageError("--search approximate needs usearch; pip install -r requirements-similar.txt")


def is_wanted(search: str, store: Store) -> bool:
    """Return whether a graph is to be used; raises UsageError when it cannot be."""
    check_installed(search)
    return search == "approximate" or (search == "auto" and len(store) >= LEAST and is_installed())


def is_stale(store: Store) -> bool:
    """Return whether the graph is not there, cannot be read, or lacks too many pictures."""
    about = store.graph
    if not about or len(store.rows_without_graph()) + max(0, about["rows"] - len(store)) > STALE * len(store):
        return True
    return open_graph(store, store.vectors()) is None


def open_graph(store: Store, vectors: np.ndarray) -> Graph | None:
    """Return the graph of an index, memory-mapped; None when it is damaged, or of another version."""
    from usearch.index import Index as Neighbours

    about: dict[str, Any] = store.graph or {}
    try:
        neighbours = Neighbours.restore(store.folder / about["file"], view=True)
        axes, reach = np.load(store.folder / about["axes"]), Reach(*about["reach"])
    except Exception:  # usearch raises almost anything
        return None
    return Graph(vectors, neighbours, axes, store.rows_without_graph(), reach)


def build_graph(store: Store) -> None:
    """Build the graph of an index and keep it there."""
    from usearch.index import Index as Neighbours

    vectors = store.vectors()
    logger.info("building the graph for approximate search of %s pictures", f"{len(vectors):,}")
    axes = main_axes(vectors)
    neighbours = Neighbours(
        ndim=axes.shape[1], metric="cos", dtype="i8", connectivity=CONNECTIVITY, expansion_add=EXPANSION
    )
    probes = np.unique(np.linspace(0, len(vectors) - 1, PROBES, dtype=np.int64))
    with tqdm(total=len(vectors), desc="graph", unit=" pictures", leave=False, disable=bar_is_off()) as bar:
        for start, block in blocks(vectors):
            rows = np.setdiff1d(np.arange(start, start + len(block)), probes)
            if len(rows):
                threads = 1 if start == 0 else 0  # all; those that begin a graph together may not find each other
                neighbours.add(rows, shortened(block[rows - start], axes), threads=threads)
            bar.update(len(block))
    reach, recall = _measured(Graph(vectors, neighbours, axes, np.empty(0, np.int64)), probes)
    neighbours.add(probes, shortened(widened(vectors[probes]), axes))
    _keep(store, neighbours, axes, reach)
    message = "the graph finds %.1f %% of the %d nearest of pictures that it does not know"
    logger.log(logging.INFO if recall >= LEAST_GOOD else logging.WARNING, message, 100 * recall, WANTED)


def _measured(graph: Graph, probes: np.ndarray) -> tuple[Reach, float]:
    """Return how far to search, and how much of what exact search finds for probes, which it lacks, is found then."""
    queries, wanted = widened(graph.vectors[probes]), min(2 * WANTED, len(graph.vectors))

    def others(finder: Finder) -> list[np.ndarray]:
        found = zip(*finder.nearest(queries, wanted), strict=True)
        return [cosines[~np.isin(rows, probes)][:WANTED] for rows, cosines in found]

    right, recall = others(Exact(graph.vectors)), 1.0
    for graph.reach in REACHES:  # of copies, which are equally near, any is right
        pairs = [pair for pair in zip(right, others(graph), strict=True) if len(pair[0])]
        recalls = [np.sum(found >= nearest[-1] - ROUNDING) / len(nearest) for nearest, found in pairs]
        recall = float(np.mean(recalls)) if recalls else 1.0
        if recall >= GOOD:
            break
    return graph.reach, recall


def _keep(store: Store, neighbours: "Neighbours", axes: np.ndarray, reach: Reach) -> None:
    before = store.graph or {"number": 0}
    number = before["number"] + 1
    about = {"number": number, "file": f"graph-{number}.usearch", "axes": f"axes-{number}.npy", "reach": reach}
    with store.errors():
        with written_whole(store.folder / about["file"]) as unfinished:
            _save(neighbours, unfinished)
        with written_whole(store.folder / about["axes"]) as unfinished:
            np.save(content := BytesIO(), axes)
            unfinished.write_bytes(content.getbuffer())  # says what is wrong, as np.save does not
        store.set_graph(about | {"rows": len(neighbours)})
        for path in (*store.folder.glob("graph-*.usearch"), *store.folder.glob("axes-*.npy")):
            if path.name not in (about["file"], about["axes"]):
                Path(path).unlink()


def _save(neighbours: "Neighbours", path: Path) -> None:
    try:
        neighbours.save(path)
    except RuntimeError as error:
        raise OSError(f"the graph cannot be written ({error}); is there room on the disk?") from error


def main_axes(vectors: np.ndarray) -> np.ndarray:
    """Return the main axes of a sample of vectors, float16 [N, D], as float32 [D, AXES]."""
    chosen = np.random.default_rng(0).choice(len(vectors), min(SAMPLE, len(vectors)), replace=False)
    products = np.zeros((vectors.shape[1], vectors.shape[1]), np.float32)
    for _start, block in blocks(vectors[np.sort(chosen)]):
        products += block.T @ block
    return np.ascontiguousarray(np.linalg.eigh(products)[1][:, ::-1][:, :AXES])


def shortened(vectors: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return what is left of float32 vectors [N, D] on the axes: float32 [N, AXES] of unit length."""
    return unit(vectors @ axes)
