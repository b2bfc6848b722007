"""How many pictures are answered with a threshold on the best score, and how many of these answers are right.

This is the risk-coverage curve of selective classification (El-Yaniv and Wiener, 2010), for any number of classes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluation.proportions import Proportion, proportion

WANTED = (0.9, 0.95, 0.99)  # shares of right answers, for which thresholds are named
KEPT_POINTS = 200  # of a curve, at most


class Chosen(NamedTuple):
    """The threshold with which most pictures are answered, while so many answers are right."""

    wanted: float
    threshold: float
    answered: Proportion  # of all pictures
    right: Proportion  # of those that are answered


@dataclass(frozen=True)
class Coverage:
    """What thresholds on the best score do, the highest first; float64 [M]."""

    thresholds: np.ndarray
    answered: np.ndarray  # share of all pictures
    right: np.ndarray  # share of those that are answered
    chosen: tuple[Chosen, ...]  # those of WANTED that can be had


def cover(score: np.ndarray, right: np.ndarray) -> Coverage:
    """Return what thresholds do to answers with these scores, float [N], that are right, bool [N]; N is 1 or more.

    A threshold lies in the middle between two scores, so that rounding decides nothing; the last one is 0.
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # equal scores are answered together
    counts, rights = ends + 1, np.cumsum(right[order])[ends]
    thresholds = np.append((ordered[ends[:-1]] + ordered[ends[:-1] + 1]) / 2, 0.0)
    chosen = []
    for wanted in WANTED:
        enough = np.flatnonzero(rights >= wanted * counts)
        if len(enough):
            best = enough[-1]
            answered = proportion(int(counts[best]), len(ordered))
            chosen.append(
                Chosen(wanted, float(thresholds[best]), answered, proportion(int(rights[best]), answered.count))
            )
    kept = np.unique(np.linspace(0, len(ends) - 1, KEPT_POINTS).round().astype(int))
    return Coverage(thresholds[kept], counts[kept] / len(ordered), rights[kept] / counts[kept], tuple(chosen))
