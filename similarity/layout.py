"""Where pictures stand on a map: near each other when their features are alike.

The first principal components are quick and show the great differences; t-SNE (van der Maaten and Hinton, 2008) and
UMAP (McInnes, Healy and Melville, 2018) keep neighbours together, and so show groups.
"""

import importlib.util
from collections.abc import Iterator

import numpy as np

from errors import UsageError

COMPONENTS = 50  # that t-SNE and UMAP begin with: the rest is noise, and costs time
MOST_NEIGHBOURLY = 10_000  # pictures that t-SNE and UMAP lay out; more are placed between those that are most like them
PERPLEXITY = 30  # of t-SNE: about how many neighbours count
LEAST = 10  # pictures; fewer have no groups to be shown
PLACED_BETWEEN = 3  # pictures of the layout, for one that is not in it
BLOCK = 10_000  # rows that are computed at once
AT_ONCE = 1000  # rows whose distances to all that are laid out are in memory


def choose_layout(layout: str, count: int) -> str:
    """Return "pca", "tsne" or "umap", which is used for so many pictures; "auto" is "tsne".

    Raises UsageError when a package is missing.
    """
    if layout == "umap" and importlib.util.find_spec("umap") is None:
        raise UsageError("--layout umap needs umap-learn, which is not installed; pip install -r requirements-map.txt")
    if count < LEAST:
        return "pca"
    return "tsne" if layout == "auto" else layout


def lay_out(vectors: np.ndarray, layout: str) -> np.ndarray:
    """Return float32 [N, 2], each from 0 to 1 with the proportions kept, of vectors [N, D] and a layout's name.

    The same vectors are laid out alike each time.
    """
    components = principal_components(vectors, COMPONENTS)
    if layout == "pca":
        return _in_unit_square(components[:, :2])
    count = len(components)
    rows = np.arange(count)
    if count > MOST_NEIGHBOURLY:
        rows = np.sort(np.random.default_rng(0).choice(count, MOST_NEIGHBOURLY, replace=False))
    places = (_tsne if layout == "tsne" else _umap)(components[rows])
    return _in_unit_square(_spread(places if len(rows) == count else _place_all(components, rows, places)))


def principal_components(vectors: np.ndarray, most: int) -> np.ndarray:
    """Return the first components, at most `most` and at least 2, as float32 [N, C] of vectors [N, D].

    Both passes read the vectors a block at a time; what is kept is D by D.
    """
    count, size = vectors.shape
    total, products = np.zeros(size), np.zeros((size, size))
    for block in _blocks(vectors):
        total += block.sum(axis=0, dtype=np.float64)
        products += block.T @ block
    mean = total / count
    _values, axes = np.linalg.eigh(products / count - np.outer(mean, mean))  # the greatest come last
    axes = axes[:, ::-1][:, :most]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # which way is up is nobody's choice
    found = [(block - mean).astype(np.float32) @ axes.astype(np.float32) for block in _blocks(vectors)]
    return np.concatenate(found)


def _blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), BLOCK):
        yield np.asarray(vectors[start : start + BLOCK], np.float32)


def _tsne(components: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    begin = components[:, :2] / max(components[:, 0].std(), 1e-12) * 1e-4  # as scikit-learn's init="pca"
    with threadpool_limits(1):  # its threads wait for each other so often that several take longer
        return TSNE(perplexity=perplexity, init=begin, random_state=0, n_jobs=1).fit_transform(components)


def _umap(components: np.ndarray) -> np.ndarray:
    from umap import UMAP

    return UMAP(n_neighbors=min(15, len(components) - 1), random_state=0, n_jobs=1).fit_transform(components)


def _place_all(components: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return float32 [N, 2]: those of `rows` at their places, others between those that are most like them."""
    known = components[rows]
    lengths = (known**2).sum(axis=1)
    found = np.empty((len(components), 2), np.float32)
    for start in range(0, len(components), AT_ONCE):
        block = components[start : start + AT_ONCE]
        distances = lengths - 2 * block @ known.T + (block**2).sum(axis=1, keepdims=True)
        nearest = np.argpartition(distances, PLACED_BETWEEN, axis=1)[:, :PLACED_BETWEEN]
        weights = 1 / np.maximum(np.take_along_axis(distances, nearest, axis=1), 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        found[start : start + AT_ONCE] = (places[nearest] * weights[..., None]).sum(axis=1)
    found[rows] = places
    return found


def _spread(places: np.ndarray) -> np.ndarray:
    """Return places half of which is their order from left to right and from top to bottom.

    Groups stand less far apart then, and have more room for their pictures.
    """
    order = places.argsort(axis=0, kind="stable").argsort(axis=0) / len(places)
    return _in_unit_square(places) + order


def _in_unit_square(places: np.ndarray) -> np.ndarray:
    places = places - places.min(axis=0)
    return (places / max(places.max(), 1e-12)).astype(np.float32)
