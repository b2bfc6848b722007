"""The share of pictures that a threshold answers, against how many of those answers are right."""

import numpy as np
import pytest

from evaluation.coverage import WANTED, cover


def make(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, some of them equal, and whether answers are right, which scores of 1 nearly always are."""
    random = np.random.default_rng(seed)
    score = random.random(count).round(2).astype(np.float32)
    return score, random.random(count) < 0.6 + 0.4 * score


@pytest.mark.parametrize("seed", range(4))
def test_threshold_answers_most_pictures_of_which_so_many_are_right(seed):
    score, right = make(seed)
    found = cover(score, right)
    assert found.chosen
    for point in found.chosen:
        answered = score >= point.threshold
        assert (point.answered.count, point.answered.of) == (answered.sum(), len(score))
        assert (point.right.count, point.right.of) == (right[answered].sum(), answered.sum())
        assert point.right.value >= point.wanted
        lower = [right[score >= one].mean() for one in np.unique(score) if one < point.threshold]
        assert all(share < point.wanted for share in lower)


def test_curve_goes_from_the_surest_to_all_pictures():
    score, right = make(7)
    found = cover(score, right)
    assert found.answered[-1] == 1
    assert found.right[-1] == pytest.approx(right.mean())
    assert found.thresholds[-1] == 0
    assert (np.diff(found.answered) > 0).all()
    for threshold, answered, share in zip(found.thresholds, found.answered, found.right, strict=True):
        assert answered == pytest.approx(np.mean(score >= threshold))
        assert share == pytest.approx(right[score >= threshold].mean())


def test_equal_scores_are_answered_together():
    found = cover(np.array([0.9, 0.5, 0.5, 0.5], np.float32), np.array([True, True, False, False]))
    assert found.answered.tolist() == [0.25, 1]
    assert [point.threshold for point in found.chosen] == pytest.approx([0.7] * len(WANTED))


def test_no_threshold_makes_wrong_answers_right():
    assert cover(np.array([0.9, 0.2]), np.array([False, False])).chosen == ()
