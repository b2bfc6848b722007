"""Two classes: which score makes a picture one of the positive class.

An answer is positive when its score is at least the threshold. The threshold is chosen on
validation data by a criterion, and judged on other data.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix_at_thresholds,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from evaluation.proportions import Proportion, proportion

SWEEP_STEPS = 1000  # from 0 to 1
DEFAULT_THRESHOLD = 0.5


class Curve(NamedTuple):
    """Points, each with the least score that is positive there."""

    x: np.ndarray
    y: np.ndarray
    thresholds: np.ndarray


class Sweep(NamedTuple):
    """How good the answers are with each threshold, ascending; float64 [M]."""

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    false_positive_rate: np.ndarray
    false_negative_rate: np.ndarray
    accuracy: np.ndarray


class AtThreshold(NamedTuple):
    """How good the answers are with one threshold."""

    threshold: float
    accuracy: Proportion
    precision: float
    recall: float
    f1: float
    false_positive_rate: Proportion
    false_negative_rate: Proportion


@dataclass(frozen=True)
class TwoClass:
    """What only two classes have."""

    positive: int
    negative: int
    scores: np.ndarray  # of the positive class, float64 [N]
    is_positive: np.ndarray  # bool [N]
    roc: Curve  # x: false positive rate, y: true positive rate
    roc_auc: float
    precision_recall: Curve  # x: recall, y: precision
    average_precision: float
    sweep: Sweep
    validation_sweep: Sweep | None  # of the data that the threshold was chosen on
    used: AtThreshold  # as the model answers now
    recommended: AtThreshold | None  # None without validation data
    criterion: str


class _Counts(NamedTuple):
    """Right and wrong answers with each threshold, float64 [M]."""

    thresholds: np.ndarray
    true_negative: np.ndarray
    false_positive: np.ndarray
    false_negative: np.ndarray
    true_positive: np.ndarray


def judge_two_class(
    positive: int,
    scores: np.ndarray,
    is_positive: np.ndarray,
    used: tuple[float, np.ndarray],
    criterion: str,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
) -> TwoClass:
    """Return what scores of the positive class, float64 [N], are worth; both classes must be there.

    `used` has the threshold that the model answers with, and which of its answers are positive.
    `validation` has the scores, and which are positive, that the threshold is chosen on by `criterion`.
    """
    precision, recall, thresholds = precision_recall_curve(is_positive, scores)
    recommended = None
    if validation is not None:
        chosen = choose_threshold(*validation, criterion)
        recommended = at_threshold(scores, is_positive, chosen)
    return TwoClass(
        positive, 1 - positive, scores, is_positive,
        roc=Curve(*roc_curve(is_positive, scores)),
        roc_auc=float(roc_auc_score(is_positive, scores)),
        precision_recall=Curve(recall, precision, np.append(thresholds, np.inf)),
        average_precision=float(average_precision_score(is_positive, scores)),
        sweep=sweep(scores, is_positive),
        validation_sweep=None if validation is None else sweep(*validation),
        used=judge_answers(*used, is_positive),
        recommended=recommended,
        criterion=criterion,
    )  # fmt: skip


def choose_threshold(scores: np.ndarray, is_positive: np.ndarray, criterion: str) -> float:
    """Return the threshold that a criterion asks for.

    equal-error: the shares of wrong answers in both classes are as near as can be, and of equal
    ones the lowest; f1: the best F1; recall=R: the highest threshold with at least that recall.
    It lies in the middle between two scores, so that rounding decides nothing.
    """
    counts = _count(scores, is_positive)
    if criterion == "equal-error":
        false_positive = _rate(counts.false_positive, counts.true_negative)
        false_negative = _rate(counts.false_negative, counts.true_positive)
        gap = np.round(abs(false_positive - false_negative), 12)
        best = np.lexsort([false_positive + false_negative, gap])[0]
    elif criterion == "f1":
        best = int(np.argmax(_f1(counts)))
    else:
        wanted = float(criterion.removeprefix("recall="))
        best = int(np.flatnonzero(_rate(counts.true_positive, counts.false_negative) >= wanted)[0])
    return _middle(counts.thresholds, best)


def sweep(scores: np.ndarray, is_positive: np.ndarray) -> Sweep:
    """Return how good the answers are with thresholds from 0 to 1, for scores float64 [N] and labels bool [N]."""
    thresholds = np.linspace(0, 1, SWEEP_STEPS + 1)
    counts = _count(scores, is_positive)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    none_positive = (np.inf, negatives, 0, positives, 0)
    counts = _Counts(*(np.append(row[::-1], end) for row, end in zip(counts, none_positive, strict=True)))
    at = np.searchsorted(counts.thresholds, thresholds)  # the least score that is still positive
    found = _Counts(*(row[at] for row in counts))
    return Sweep(
        thresholds,
        precision=_rate(found.true_positive, found.false_positive),
        recall=_rate(found.true_positive, found.false_negative),
        f1=_f1(found),
        false_positive_rate=_rate(found.false_positive, found.true_negative),
        false_negative_rate=_rate(found.false_negative, found.true_positive),
        accuracy=(found.true_positive + found.true_negative) / len(scores),
    )


def at_threshold(scores: np.ndarray, is_positive: np.ndarray, threshold: float) -> AtThreshold:
    """Return how good the answers are with one threshold, for scores float64 [N] and labels bool [N]."""
    return judge_answers(threshold, scores >= threshold, is_positive)


def judge_answers(threshold: float, answers: np.ndarray, is_positive: np.ndarray) -> AtThreshold:
    """Return how good answers, bool [N], are that a threshold gave."""
    precision, recall, f1, _support = precision_recall_fscore_support(
        is_positive, answers, average="binary", zero_division=0
    )
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    return AtThreshold(
        threshold,
        proportion(int((answers == is_positive).sum()), len(answers)),
        float(precision), float(recall), float(f1),
        proportion(int((answers & ~is_positive).sum()), negatives),
        proportion(int((~answers & is_positive).sum()), positives),
    )  # fmt: skip


def _count(scores: np.ndarray, is_positive: np.ndarray) -> _Counts:
    """Count with every score as the threshold, descending."""
    *counts, thresholds = confusion_matrix_at_thresholds(is_positive, scores)
    return _Counts(thresholds, *counts)


def _rate(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return part / np.maximum(part + rest, 1)


def _f1(counts: _Counts) -> np.ndarray:
    wrong = counts.false_positive + counts.false_negative
    return 2 * counts.true_positive / np.maximum(2 * counts.true_positive + wrong, 1)


def _middle(thresholds: np.ndarray, index: int) -> float:
    below = thresholds[index + 1] if index + 1 < len(thresholds) else 0.0
    return float((thresholds[index] + below) / 2)
