"""Pictures that stand out among their neighbours: wrong labels, probably, and the least like any other."""

import math
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 10
OTHERS = 0.7  # of the neighbours that have one other label, for a label that is probably wrong
OWN = 0.1  # of the neighbours that may have the picture's own label then
LEAST_OF_LABEL = 5  # pictures; those of a rarer label have too few of their own to be near to
LONELY, MOST_LONELY = 0.01, 100  # the share of pictures that are the loneliest, and at most so many
LEAST = 20  # pictures; of fewer none is


@dataclass(frozen=True)
class Odd:
    """What is odd about pictures, by their rows."""

    wrong: dict[int, int]  # the label that its neighbours have, the surest first
    alone: tuple[int, ...]  # the least like any other picture, the loneliest first


def find_odd(labels: np.ndarray, neighbours: np.ndarray, similarities: np.ndarray) -> Odd:
    """Return what is odd, of labels int [N] and of each picture's nearest others, the best first.

    Those are places among the labels, int [N, K] (-1: none), and their cosines, float32 [N, K].
    """
    return Odd(_wrong_labels(labels, neighbours), _loneliest(similarities))


def _wrong_labels(labels: np.ndarray, neighbours: np.ndarray) -> dict[int, int]:
    if neighbours.shape[1] < NEIGHBOURS:
        return {}
    near = labels[neighbours]
    votes = np.array([np.bincount(row).argmax() for row in near], np.int64)
    share, own = (near == votes[:, None]).mean(axis=1), (near == labels[:, None]).mean(axis=1)
    is_known = (neighbours >= 0).all(axis=1) & (np.bincount(labels)[labels] >= LEAST_OF_LABEL)
    found = np.flatnonzero(is_known & (share >= OTHERS) & (own <= OWN) & (votes != labels))
    order = found[np.argsort(own[found] - share[found], kind="stable")]
    return {int(row): int(votes[row]) for row in order}


def _loneliest(similarities: np.ndarray) -> tuple[int, ...]:
    """Return the rows that are the least like their neighbours: a share of all, since no limit holds for all models."""
    count = len(similarities)
    if count < LEAST:
        return ()
    rows = np.argsort(similarities.mean(axis=1), kind="stable")
    return tuple(rows[: min(MOST_LONELY, math.ceil(LONELY * count))].tolist())
