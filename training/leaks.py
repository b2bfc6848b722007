"""Near-duplicates of what is validated or tested on among what is trained on: accuracies with them say too much."""

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import compress

import numpy as np

from classifiers.manifest import Picture
from console.text import printable
from errors import ImageError
from preprocess import read_image
from similarity.search import best, unit
from similarity.small import SIDE, SMALL, small_copy
from similarity.verdict import show_the_same
from sources.splits import SPLITS
from training.features import PLAIN, FeatureSet, load_features

AT_ONCE = 1024  # pictures that are compared with all others
NEIGHBOURS = 4  # of a picture, at most, whose pixels are looked at
LEAST_COSINE = 0.65  # of features; those of one cropped by 10 % on each side stay above for 99 of 100
MOST_NAMED = 3

logger = logging.getLogger("suite")


def find_leaks(root: str, features: FeatureSet, pictures: Sequence[Picture]) -> dict[Picture, Picture]:
    """Return pictures of which a near-duplicate is in a later split, with that one: {picture: its near-duplicate}.

    The splits follow each other as train, validation, test. `root` is the folder of the pictures, whose features
    have been computed. Near-duplicates are the same picture, also resized, compressed, mirrored, cropped or grey.
    """
    used = [picture for picture in pictures if not picture.skipped]
    pairs = [(used[one], used[other]) for one, other in _near(_unit_features(features, used), _places(used))]
    small = _small_copies(root, dict.fromkeys(picture for pair in pairs for picture in pair), features)
    first, second = (np.array([small[pair[end]] for pair in pairs], np.uint8).reshape(-1, SMALL) for end in (0, 1))
    are_same = show_the_same(first, second, features.runtime.workers)
    return dict(reversed(list(compress(pairs, are_same))))  # of each picture, the nearest comes first, and stays


def without(pictures: Sequence[Picture], leaks: dict[Picture, Picture]) -> list[Picture]:
    """Return the pictures, of which those that leak are left out."""
    return [
        replace(one, skipped=f"{leaks[one].path} in {leaks[one].split} is nearly the same") if one in leaks else one
        for one in pictures
    ]


def report_leaks(leaks: dict[Picture, Picture]) -> None:
    """Say how many near-duplicates there are, and name some."""
    for (split, other), count in Counter((one.split, two.split) for one, two in leaks.items()).items():
        pairs = [(one, two) for one, two in leaks.items() if (one.split, two.split) == (split, other)]
        named = ", ".join(f"{printable(one.path)} of {printable(two.path)}" for one, two in pairs[:MOST_NAMED])
        logger.warning(
            "hint: %d pictures of %s are nearly the same as pictures of %s, so that the accuracy there says too much "
            "(%s%s); --deduplicate leaves them out",
            count, split, other, named, ", ..." if count > MOST_NAMED else "",
        )  # fmt: skip


def _places(pictures: Sequence[Picture]) -> np.ndarray:
    return np.array([SPLITS.index(picture.split) for picture in pictures])


def _unit_features(features: FeatureSet, pictures: Sequence[Picture]) -> np.ndarray:
    """Return the pictures' features of all backbones, float32 [N, F], of length 1."""
    return unit(np.concatenate(load_features(features, pictures, [PLAIN]), axis=2)[0])


def _near(vectors: np.ndarray, places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield for each picture the nearest of later splits; `places` tell the order of the splits, int64 [N]."""
    for place in sorted(set(places.tolist()))[:-1]:
        own, later = np.flatnonzero(places == place), np.flatnonzero(places > place)
        for start in range(0, len(own), AT_ONCE):
            cosines = vectors[own[start : start + AT_ONCE]] @ vectors[later].T
            nearest, cosines = best(np.broadcast_to(later, cosines.shape), cosines, NEIGHBOURS)
            rows, columns = np.nonzero(cosines >= LEAST_COSINE)
            yield from zip(own[start + rows].tolist(), nearest[rows, columns].tolist(), strict=True)


def _small_copies(root: str, pictures: Collection[Picture], features: FeatureSet) -> dict[Picture, np.ndarray]:
    """Return the small copy of each picture, uint8 [SMALL], read from its file; zeros for one that has gone since."""

    def read(picture: Picture) -> np.ndarray:
        try:
            path = os.path.join(root, picture.path)
            return small_copy(read_image(path, features.transform.max_pixels, 3 * SIDE))
        except ImageError:
            return np.zeros(SMALL, np.uint8)

    with ThreadPoolExecutor(features.runtime.workers) as threads:
        return dict(zip(pictures, threads.map(read, pictures), strict=True))
