"""How good a model's answers are. The figures are scikit-learn's and SciPy's; here they are put together.

Averages over classes are over those that the data has, so that pictures of 100 of ImageNet's
1,000 classes can be judged, too.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from evaluation.answers import Answers
from evaluation.coverage import Coverage, cover
from evaluation.proportions import Proportion, proportion
from evaluation.suspects import Suspect, find_suspects
from evaluation.thresholds import TwoClass

RELIABILITY_BINS = 15  # of equal width, as in Guo et al., "On Calibration of Modern Neural Networks", 2017
LABELS_FOR_TOP5 = 6  # with fewer, a picture's label is always among the best five


@dataclass(frozen=True)
class ClassMetrics:
    """How good the answers are for one class."""

    index: int
    label: str
    precision: float
    recall: float
    f1: float
    support: int  # pictures labelled with it
    recall_low: float  # of the recall's 95 % interval
    recall_high: float


class Averages(NamedTuple):
    """Means over the classes."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ConfusedPair:
    """How often pictures of one class were taken for another."""

    true: int
    predicted: int
    count: int


@dataclass(frozen=True)
class Bin:
    """The answers with a score above `low`, up to `high`."""

    low: float
    high: float
    count: int
    confidence: float  # mean score
    accuracy: float  # share that is right


@dataclass(frozen=True)
class Evaluation:
    """What is known of one model on labelled pictures."""

    model: str
    names: tuple[str, ...]  # of all its classes, each different
    paths: Sequence[str]
    answers: Answers
    top1: Proportion
    top5: Proportion | None  # None where there are at most five classes
    log_loss: float  # nats
    ece: float  # expected calibration error, 0 to 1
    reliability: tuple[Bin, ...]
    classes: tuple[ClassMetrics, ...]  # that the data has
    macro: Averages
    weighted: Averages
    confused: tuple[ConfusedPair, ...]  # most frequent first
    coverage: Coverage
    suspects: tuple[Suspect, ...]  # most suspicious first
    two_class: TwoClass | None = None

    @property
    def worst_first(self) -> list[ClassMetrics]:
        """The classes by the share of their pictures that is found; of equal ones, that with more pictures first."""
        return sorted(self.classes, key=lambda row: (row.recall, row.f1, -row.support))

    @functools.cached_property
    def suspect_rows(self) -> frozenset[int]:
        """The rows of the answers that are among the suspects."""
        return frozenset(suspect.row for suspect in self.suspects)

    @property
    def taken_for(self) -> dict[int, ConfusedPair]:
        """What pictures of a class are most often taken for, of each class with mistakes."""
        return {pair.true: pair for pair in reversed(self.confused)}

    @property
    def shown_classes(self) -> list[int]:
        """The classes that are among the labels of the pictures or the answers."""
        return np.union1d(self.answers.true, self.answers.predicted).tolist()

    def confusion(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """Return counts, a row for each class as labelled and a column as answered; by default of `shown_classes`."""
        shown = self.shown_classes if indices is None else list(indices)
        return confusion_matrix(self.answers.true, self.answers.predicted, labels=shown)


def evaluate(
    model: str, names: tuple[str, ...], paths: Sequence[str], answers: Answers, two_class: TwoClass | None = None
) -> Evaluation:
    """Return all figures of a model's answers, at least one."""
    right = int(answers.right.sum())
    reliability = reliability_bins(answers.score, answers.right)
    present = np.unique(answers.true)
    return Evaluation(
        model, names, paths, answers,
        top1=proportion(right, len(answers.true)),
        top5=_top5(answers, len(names)),
        log_loss=log_loss_of(answers.true_score),
        ece=calibration_error(reliability),
        reliability=reliability,
        classes=_class_metrics(answers, present, names),
        macro=_averages(answers, present, "macro"),
        weighted=_averages(answers, present, "weighted"),
        confused=_confused_pairs(answers),
        coverage=cover(answers.score, answers.right),
        suspects=find_suspects(answers),
        two_class=two_class,
    )  # fmt: skip


def log_loss_of(true_score: np.ndarray) -> float:
    """Return the mean of -log of the true classes' scores, float32 [N], with 0 as the least float32."""
    of_two = np.column_stack([1 - true_score, true_score])
    return float(log_loss(np.ones(len(true_score), int), of_two, labels=[0, 1]))


def reliability_bins(score: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Return how often answers are right by their score, in bins of equal width."""
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)
    bins = np.searchsorted(edges[1:-1], score)
    counts = np.bincount(bins, minlength=RELIABILITY_BINS)
    scores = np.bincount(bins, score, RELIABILITY_BINS) / np.maximum(counts, 1)
    rights = np.bincount(bins, right, RELIABILITY_BINS) / np.maximum(counts, 1)
    rows = zip(edges[:-1], edges[1:], counts, scores, rights, strict=True)
    return tuple(Bin(float(low), float(high), int(n), float(p), float(r)) for low, high, n, p, r in rows)


def calibration_error(reliability: Sequence[Bin]) -> float:
    """Return how far scores are from the share that is right, on average over the answers."""
    total = sum(row.count for row in reliability)
    return sum(row.count * abs(row.confidence - row.accuracy) for row in reliability) / total


def _top5(answers: Answers, classes: int) -> Proportion | None:
    if classes < LABELS_FOR_TOP5:
        return None
    return proportion(int((answers.top == answers.true[:, None]).any(axis=1).sum()), len(answers.true))


def _class_metrics(answers: Answers, present: np.ndarray, names: Sequence[str]) -> tuple[ClassMetrics, ...]:
    figures = precision_recall_fscore_support(answers.true, answers.predicted, labels=present, zero_division=0)
    *shares, supports = (figure.tolist() for figure in figures)
    found = []
    for index, precision, recall, f1, support in zip(present.tolist(), *shares, map(int, supports), strict=True):
        share = proportion(round(recall * support), support)
        found.append(ClassMetrics(index, names[index], precision, recall, f1, support, share.low, share.high))
    return tuple(found)


def _averages(answers: Answers, present: np.ndarray, average: str) -> Averages:
    *figures, _support = precision_recall_fscore_support(
        answers.true, answers.predicted, labels=present, average=average, zero_division=0
    )
    return Averages(*map(float, figures))


def _confused_pairs(answers: Answers) -> tuple[ConfusedPair, ...]:
    wrong = ~answers.right
    pairs, counts = np.unique(
        np.column_stack([answers.true[wrong], answers.predicted[wrong]]), axis=0, return_counts=True
    )  # fmt: skip
    order = np.argsort(-counts, kind="stable")
    rows = zip(pairs[order].tolist(), counts[order].tolist(), strict=True)
    return tuple(ConfusedPair(true, predicted, count) for (true, predicted), count in rows)
