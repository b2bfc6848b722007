"""Thresholds between two classes: chosen by a criterion on some pictures, judged on others."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from classifiers.folder import save_decision_threshold
from errors import UsageError
from evaluation.thresholds import at_threshold, choose_threshold, judge_two_class, sweep
from inference.scores import to_result
from labels import ClassLabel


def make(seed: int, pictures: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Return scores with ties, and which are positive."""
    random = np.random.default_rng(seed)
    is_positive = random.random(pictures) < 0.3
    is_positive[:2] = True, False
    scores = np.round(1 / (1 + np.exp(-random.normal(np.where(is_positive, 1.0, -0.5)))), 2)
    return scores, is_positive


def brute_force(scores: np.ndarray, is_positive: np.ndarray) -> list[tuple[float, float, float, float]]:
    """Return (threshold, false positive rate, false negative rate, F1) with each score as the threshold."""
    rows = []
    for threshold in np.unique(scores):
        answers = scores >= threshold
        matrix = sk.confusion_matrix(is_positive, answers, normalize="true")
        rows.append((threshold, matrix[0, 1], matrix[1, 0], sk.f1_score(is_positive, answers)))
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_criteria_against_brute_force(seed):
    scores, is_positive = make(seed)
    rows = brute_force(scores, is_positive)

    def errors(threshold: float) -> tuple[float, float, float]:
        return min((abs(row[0] - threshold), *row[1:]) for row in rows if row[0] >= threshold)[1:]

    false_positive, false_negative, _f1 = errors(choose_threshold(scores, is_positive, "equal-error"))
    assert abs(false_positive - false_negative) == pytest.approx(min(abs(row[1] - row[2]) for row in rows))
    assert errors(choose_threshold(scores, is_positive, "f1"))[2] == pytest.approx(max(row[3] for row in rows))
    chosen = choose_threshold(scores, is_positive, "recall=0.9")
    assert errors(chosen)[1] <= 0.1 + 1e-12
    assert chosen <= max(row[0] for row in rows if row[2] <= 0.1 + 1e-12)
    assert all(row[2] > 0.1 for row in rows if row[0] > chosen and row[0] != min(r[0] for r in rows if r[0] >= chosen))


def test_classes_that_a_gap_separates_are_divided_in_its_middle():
    scores, is_positive = np.array([0.1, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1], bool)
    for criterion in ("equal-error", "f1", "recall=1"):
        assert choose_threshold(scores, is_positive, criterion) == pytest.approx(0.5)


def test_equal_errors_are_the_smaller_ones():
    """Everything wrong is an equal error, too: the one with fewer mistakes is meant."""
    scores, is_positive = np.array([0.2, 0.4, 0.6, 0.8]), np.array([1, 0, 1, 0], bool)
    chosen = choose_threshold(scores, is_positive, "equal-error")
    assert at_threshold(scores, is_positive, chosen).accuracy.value == 0.5


def test_the_only_score_is_positive():
    assert choose_threshold(np.array([0.6, 0.6]), np.array([True, False]), "f1") == pytest.approx(0.3)


def test_curves_and_areas_are_scikit_learns():
    scores, is_positive = make(0)
    used = scores >= 0.5
    found = judge_two_class(1, scores, is_positive, (0.5, used), "f1")
    assert found.roc_auc == sk.roc_auc_score(is_positive, scores)
    assert found.average_precision == sk.average_precision_score(is_positive, scores)
    assert sk.auc(found.roc.x, found.roc.y) == pytest.approx(found.roc_auc)
    assert (found.roc.x[0], found.roc.y[0], found.roc.x[-1], found.roc.y[-1]) == (0, 0, 1, 1)
    assert len(set(map(len, found.precision_recall))) == 1
    assert found.used.precision == sk.precision_score(is_positive, used)
    assert found.used.recall == sk.recall_score(is_positive, used)
    assert found.used.f1 == sk.f1_score(is_positive, used)
    assert found.used.accuracy.value == sk.accuracy_score(is_positive, used)
    assert (found.recommended, found.validation_sweep) == (None, None)


def test_sweep_is_scikit_learns_at_every_threshold():
    scores, is_positive = make(1)
    found = sweep(scores, is_positive)
    assert (found.thresholds[0], found.thresholds[-1]) == (0, 1)
    for index in range(0, len(found.thresholds), 37):
        answers = scores >= found.thresholds[index]
        point = at_threshold(scores, is_positive, found.thresholds[index])
        assert found.accuracy[index] == pytest.approx(sk.accuracy_score(is_positive, answers))
        assert found.precision[index] == pytest.approx(sk.precision_score(is_positive, answers, zero_division=0))
        assert found.recall[index] == pytest.approx(sk.recall_score(is_positive, answers))
        assert found.f1[index] == pytest.approx(sk.f1_score(is_positive, answers))
        assert found.false_positive_rate[index] == pytest.approx(point.false_positive_rate.value)
        assert found.false_negative_rate[index] == pytest.approx(point.false_negative_rate.value)


def test_threshold_is_chosen_on_validation_data_and_judged_on_the_others():
    validation = np.array([0.1, 0.6, 0.8, 0.9]), np.array([0, 0, 1, 1], bool)
    scores, is_positive = np.array([0.1, 0.65, 0.65, 0.9]), np.array([0, 0, 1, 1], bool)
    found = judge_two_class(1, scores, is_positive, (0.5, scores >= 0.5), "equal-error", validation)
    assert found.recommended.threshold == pytest.approx(0.7)
    assert found.recommended == at_threshold(scores, is_positive, found.recommended.threshold)
    assert (found.used.accuracy.value, found.recommended.accuracy.value) == (0.75, 0.75)
    assert (found.used.recall, found.recommended.recall) == (1, 0.5)
    missed = found.recommended.false_negative_rate
    assert (missed.count, missed.of) == (1, 2)


def test_threshold_is_kept_in_a_models_folder_beside_all_else(tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"format": 1, "threshold": None, "training": {"ü": 1}}))
    save_decision_threshold(tmp_path, 0.85)
    assert json.loads(spec.read_text()) == {"format": 1, "threshold": 0.85, "training": {"ü": 1}}
    assert [path.name for path in tmp_path.iterdir()] == ["spec.json"]
    spec.write_text("{")
    with pytest.raises(UsageError, match=r"threshold 0.8500 cannot be kept in .*spec.json"):
        save_decision_threshold(tmp_path, 0.85)
    assert spec.read_text() == "{"


@pytest.mark.parametrize(
    ("second", "decision", "threshold", "answers"),
    [
        (0.7, None, 0, ["dogs", "cats"]), (0.7, 0.85, 0, ["cats", "dogs"]), (0.85, 0.85, 0, ["dogs", "cats"]),
        (0.2, 0.1, 0, ["dogs", "cats"]), (0.2, 0.1, 0.5, []), (0.7, 0.85, 0.5, []), (0.9, 0.85, 0.5, ["dogs"]),
    ],
)  # fmt: skip
def test_answer_comes_first_and_below_the_threshold_of_labels_there_is_none(second, decision, threshold, answers):
    labels = [ClassLabel("0", "cats"), ClassLabel("1", "dogs")]
    scores = np.array([1 - second, second], np.float32).astype(np.float64)
    result = to_result("x.jpg", np.round(scores, 6), labels, threshold=threshold, decision_threshold=decision)
    assert [prediction.label for prediction in result.predictions] == answers
