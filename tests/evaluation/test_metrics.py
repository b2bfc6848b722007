"""The figures are scikit-learn's on the same predictions, or those of published worked examples."""

import math
from array import array

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from evaluation.answers import AnswerStore, PathList
from evaluation.metrics import Bin, calibration_error, evaluate, reliability_bins
from evaluation.proportions import Proportion, proportion
from evaluation.significance import compare_all, holm, mcnemar

PICTURES = 400


def make_scores(classes: int, seed: int = 0, quality: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of some of the classes, unevenly, and probabilities that are often right."""
    random = np.random.default_rng(seed)
    used = max(2, classes * 2 // 3)
    true = np.minimum(random.geometric(min(0.6, 3 / used), PICTURES) - 1, used - 1).astype(np.int32)
    true[:2] = 0, 1
    logits = random.normal(size=(PICTURES, classes))
    logits[np.arange(PICTURES), true] += quality
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, scores.astype(np.float32)


def evaluate_scores(true: np.ndarray, scores: np.ndarray):
    store = AnswerStore(scores.shape[1])
    for label, row in zip(true.tolist(), scores, strict=True):
        store.add(label, row)
    names = tuple(f"class {index}" for index in range(scores.shape[1]))
    return evaluate("model", names, PathList(), store.answers(array("i", true.tolist())))


@pytest.fixture(scope="module", params=[2, 3, 7, 100, 1000])
def case(request):
    true, scores = make_scores(request.param)
    return true, scores, evaluate_scores(true, scores)


def test_accuracy_is_scikit_learns(case):
    true, scores, found = case
    every = range(scores.shape[1])
    assert found.top1.value == sk.accuracy_score(true, scores.argmax(axis=1))
    if scores.shape[1] > 5:
        assert found.top5.value == sk.top_k_accuracy_score(true, scores, k=5, labels=every)
    else:
        assert found.top5 is None


def test_figures_of_classes_and_their_averages_are_scikit_learns(case):
    true, scores, found = case
    present = np.unique(true)
    report = sk.classification_report(
        true, scores.argmax(axis=1), labels=present, output_dict=True, zero_division=0
    )  # fmt: skip
    assert [row.index for row in found.classes] == present.tolist()
    for row in found.classes:
        expected = report[str(row.index)]
        assert (row.precision, row.recall, row.f1, row.support) == tuple(expected.values())
        assert row.label == f"class {row.index}"
    for average in ("macro", "weighted"):
        *expected, _support = report[f"{average} avg"].values()
        assert getattr(found, average) == pytest.approx(expected)


def test_log_loss_is_scikit_learns(case):
    true, scores, found = case
    expected = sk.log_loss(true, scores / scores.sum(axis=1, keepdims=True), labels=range(scores.shape[1]))
    assert found.log_loss == pytest.approx(expected, abs=1e-5)


def test_log_loss_of_a_class_with_no_probability_is_scikit_learns():
    scores = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    true = np.array([0, 1, 1])
    assert evaluate_scores(true, scores).log_loss == pytest.approx(sk.log_loss(true, scores))


def test_confusion_is_scikit_learns(case):
    true, scores, found = case
    expected = sk.confusion_matrix(true, scores.argmax(axis=1), labels=range(scores.shape[1]))
    shown = found.shown_classes
    assert (found.confusion() == expected[np.ix_(shown, shown)]).all()
    assert expected.sum() == expected[np.ix_(shown, shown)].sum()
    np.fill_diagonal(expected, 0)
    assert {(pair.true, pair.predicted): pair.count for pair in found.confused} == {
        (int(row), int(column)): int(expected[row, column]) for row, column in np.argwhere(expected)
    }
    counts = [pair.count for pair in found.confused]
    assert counts == sorted(counts, reverse=True)


def test_reliability_bins_are_scikit_learns(case):
    true, scores, found = case
    best = scores.max(axis=1)
    accuracies, confidences = calibration_curve(scores.argmax(axis=1) == true, best, n_bins=15)
    filled = [row for row in found.reliability if row.count]
    assert [row.accuracy for row in filled] == pytest.approx(accuracies)
    assert [row.confidence for row in filled] == pytest.approx(confidences)
    assert sum(row.count for row in filled) == PICTURES
    assert all(row.low < row.confidence <= row.high for row in filled)


def test_calibration_error_of_a_worked_example():
    """Of 4 answers at 0.9 three are right, and of 6 at 0.6 three: 4/10 * 0.15 + 6/10 * 0.10."""
    score = np.array([0.9] * 4 + [0.6] * 6)
    right = np.array([1, 1, 1, 0, 1, 1, 1, 0, 0, 0], bool)
    bins = reliability_bins(score, right)
    assert calibration_error(bins) == pytest.approx(0.12)
    assert bins[13] == Bin(13 / 15, 14 / 15, 4, pytest.approx(0.9), 0.75)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_is_the_score_interval_of_newcombe_1998(count, of, low, high):
    found = proportion(count, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert (found.count, found.of, found.value) == (count, of, count / of)


def test_share_of_nothing_is_anything():
    assert proportion(0, 0) == Proportion(0, 0, value=0, low=0, high=1)


def test_top_labels_and_scores_are_the_best_in_order():
    true, scores = make_scores(100)
    answers = evaluate_scores(true, scores).answers
    order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    assert (answers.top == order).all()
    assert (answers.top_scores == np.take_along_axis(scores, order, axis=1)).all()
    assert (answers.true_score == scores[np.arange(PICTURES), true]).all()
    assert (answers.score == scores.max(axis=1)).all()


def test_decision_between_two_classes_moves_the_answers():
    store = AnswerStore(2, decision=0.85)
    for second in (0.2, 0.7, 0.85, 0.9):
        store.add(1, np.array([1 - second, second]))
    answers = store.answers(array("i", [1] * 4))
    assert answers.predicted.tolist() == [0, 0, 1, 1]
    assert answers.score == pytest.approx([0.8, 0.3, 0.85, 0.9])
    assert answers.score_of(1) == pytest.approx([0.2, 0.7, 0.85, 0.9])
    assert answers.score_of(0) == pytest.approx([0.8, 0.3, 0.15, 0.1])


@pytest.mark.parametrize("counts", [(6, 16), (16, 6), (10, 2), (5, 5), (0, 0), (0, 6), (1, 0)])
def test_mcnemar_is_a_coin_thrown_for_each_picture_that_one_has_right(counts):
    coins, heads = sum(counts), min(counts)
    tail = sum(math.comb(coins, number) for number in range(heads + 1)) / 2**coins
    assert mcnemar(*counts) == pytest.approx(min(1, 2 * tail))


def test_mcnemar_of_agrestis_approval_ratings():
    """Of 1,600 people 150 and 86 changed their minds: z squared is 17.36 (Categorical Data Analysis, 10.1.1)."""
    z_squared = (150 - 86) ** 2 / (150 + 86)
    assert z_squared == pytest.approx(17.36, abs=0.005)
    assert mcnemar(150, 86) == pytest.approx(math.erfc(math.sqrt(z_squared / 2)), abs=1e-5)


def test_holm_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.3]) == [0.3]
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_pairs_of_models_are_compared_on_the_same_pictures():
    good, bad = np.ones(40, bool), np.zeros(40, bool)
    bad[:20] = True
    found = compare_all(["good", "bad", "twin"], [good, bad, bad])
    assert [(pair.first, pair.second) for pair in found] == [("good", "bad"), ("good", "twin"), ("bad", "twin")]
    assert found[0][2:6] == (20, 20, 0, 0)
    assert found[2][2:6] == (20, 0, 0, 20)
    assert [pair.verdict for pair in found] == ["good is better", "good is better", "no difference shown"]
    assert all(pair.p_adjusted >= pair.p for pair in found)
    assert compare_all(["alone"], [good]) == ()


def test_paths_come_back_as_they_were():
    paths, given = PathList(), ["a/b.jpg", "", "línea\n猫.png", "bytes-\udcff.jpg"]
    for path in given:
        paths.append(path)
    assert list(paths) == given
    assert (paths[-1], len(paths)) == (given[-1], 4)
    assert paths[1:3] == given[1:3]
    with pytest.raises(IndexError):
        paths[4]
