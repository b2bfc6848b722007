"""Proportions with their uncertainty."""

from dataclasses import dataclass

from scipy.stats import binomtest

CONFIDENCE_LEVEL = 0.95


@dataclass(frozen=True)
class Proportion:
    """A proportion with its Wilson interval."""

    count: int
    of: int
    value: float
    low: float
    high: float


def proportion(count: int, of: int) -> Proportion:
    """Return a proportion with its 95 % Wilson interval; of nothing, anything from 0 to 1."""
    if not of:
        return Proportion(0, 0, 0.0, 0.0, 1.0)
    low, high = binomtest(count, of).proportion_ci(CONFIDENCE_LEVEL, method="wilson")
    return Proportion(count, of, count / of, float(low), float(high))
