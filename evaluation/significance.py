"""Whether one of two models is better on the same pictures, or only luckier.

McNemar's test looks at the pictures that only one of them has right: if neither were better,
each would have about half of these. It is computed exactly, from the binomial distribution.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

SIGNIFICANT = 0.05


class Comparison(NamedTuple):
    """Two models on the same pictures."""

    first: str
    second: str
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p: float  # two-sided
    p_adjusted: float  # for the number of comparisons, by Holm's method

    @property
    def verdict(self) -> str:
        """Say which one is better, if that is shown."""
        if self.p_adjusted >= SIGNIFICANT:
            return "no difference shown"
        return f"{self.first if self.only_first > self.only_second else self.second} is better"


def compare_all(names: Sequence[str], right: Sequence[np.ndarray]) -> tuple[Comparison, ...]:
    """Compare each pair of models, of which `right` has bool [N]: whether each answer is right."""
    pairs = list(combinations(range(len(names)), 2))
    counts = [_count(right[first], right[second]) for first, second in pairs]
    values = [mcnemar(only_first, only_second) for _both, only_first, only_second, _none in counts]
    rows = zip(pairs, counts, values, holm(values), strict=True)
    return tuple(
        Comparison(names[first], names[second], *count, p, adjusted) for (first, second), count, p, adjusted in rows
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test."""
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests, so that the chance of any false alarm stays at the level (Holm, 1979)."""
    order = np.argsort(values, kind="stable")
    raised = np.asarray(values)[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted.tolist()


def _count(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int, int]:
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    return int((first & second).sum()), only_first, only_second, int((~first & ~second).sum())
