"""The solver of linear heads, on clouds of points of which the best answer is known."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from training.linear import LinearHead, calibrate, fit_linear

FEATURES = 40


def clouds(counts: list[int], distance: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 points around a centre for each class, and the classes; the same centres for every seed."""
    centres = np.random.default_rng(1).normal(size=(len(counts), FEATURES))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    labels = np.repeat(np.arange(len(counts)), counts)
    points = centres[labels] + np.random.default_rng(seed).normal(size=(len(labels), FEATURES))
    return points.astype(np.float32), labels


def turns_of(labels: np.ndarray) -> np.ndarray:
    """Hold out the pictures of each class in up to five turns."""
    count = min(5, np.bincount(labels).min())
    turns = np.zeros(len(labels), int)
    for label in np.unique(labels):
        turns[labels == label] = np.arange((labels == label).sum()) % count
    return turns


def fit(features: np.ndarray, labels: np.ndarray, class_weight: str = "auto", turns: np.ndarray | None = None):
    turns = turns_of(labels) if turns is None else turns
    return fit_linear(features[None], labels, turns, [features.shape[1]], class_weight)


def recalls(head: LinearHead, counts: list[int], distance: float) -> np.ndarray:
    """Return the share of each class's points that is found, of points that the head has not seen."""
    features, labels = clouds(counts, distance, seed=99)
    answers = head.predict(features).argmax(axis=1)
    return np.array([(answers[labels == label] == label).mean() for label in np.unique(labels)])


@pytest.mark.parametrize(
    ("counts", "distance", "least"),
    [
        ([30, 30, 30], 6, 0.98),
        ([30, 30], 6, 0.99),
        ([2, 2, 2], 8, 0.95),  # each class is held out with one of two pictures
        ([2, 2], 8, 0.95),
        ([5] * 12, 8, 0.98),
    ],
)
def test_classes_that_lie_apart_are_found(counts, distance, least):
    head = fit(*clouds(counts, distance))
    assert recalls(head, [200] * len(counts), distance).min() >= least
    assert (head.kernel.shape, head.bias.shape) == ((FEATURES, len(counts)), (len(counts),))


def test_prediction_is_the_softmax_of_a_dense_layer():
    features, labels = clouds([20, 20, 20], 3)
    head = fit(features, labels)
    powers = np.exp(features.astype(float) @ head.kernel + head.bias)
    assert head.predict(features) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), abs=1e-5)
    assert {part.dtype for part in (head.kernel, head.bias, head.predict(features), head.held_out)} == {
        np.dtype("float32")
    }


def test_rare_class_keeps_its_due_where_it_lies_apart():
    assert recalls(fit(*clouds([300, 5], 6)), [300, 300], 6).min() > 0.95


@pytest.mark.parametrize("counts", [[300, 5], [5, 300]])
def test_common_class_is_answered_where_nothing_tells_them_apart(counts):
    """Whichever of them comes first: a tie is no answer."""
    head = fit(*clouds(counts, 0))
    probabilities = head.predict(clouds(counts, 0, seed=99)[0])
    assert (probabilities.argmax(axis=1) == np.argmax(counts)).mean() > 0.98
    assert probabilities[:, np.argmax(counts)].mean() > 0.6


def test_class_weight_decides_who_counts():
    """Of two classes that overlap, the rare one is found less with "none" than where both count alike."""
    found = {weight: recalls(fit(*clouds([300, 20], 2), weight), [500, 500], 2) for weight in ("none", "balanced")}
    assert found["none"][0] > 0.97
    assert found["balanced"].min() > 0.6 > found["none"][1]
    automatic = recalls(fit(*clouds([300, 20], 2)), [500, 500], 2)
    assert automatic @ [300, 20] >= found["none"] @ [300, 20] - 0.01 * 320


def test_a_fifth_of_wrong_labels_does_little_harm():
    features, labels = clouds([50, 50, 50], 5)
    wrong = np.random.default_rng(0).permutation(len(labels))[:30]
    said = labels.copy()
    said[wrong] = (said[wrong] + 1) % 3
    head = fit(features, said)
    assert recalls(head, [200] * 3, 5).min() > 0.95
    assert 0.6 < head.predict(features).max(axis=1).mean() < 0.9  # it knows that it is often told otherwise


@pytest.mark.parametrize("features", [np.ones((30, 4)), np.zeros((30, 4))], ids=["ones", "zeros"])
def test_features_that_say_nothing_leave_the_share_of_each_class(features):
    labels = np.repeat([0, 1], [10, 20])
    probabilities = fit(features.astype(np.float32), labels, "none").predict(features.astype(np.float32))
    assert probabilities == pytest.approx(np.tile([1 / 3, 2 / 3], (30, 1)), abs=0.03)


def test_constant_features_change_nothing():
    features, labels = clouds([20, 20, 20], 4)
    padded = np.concatenate([features, np.full((60, FEATURES), 7, np.float32)], axis=1)
    alone = fit(features, labels).predict(features)
    both = fit_linear(padded[None], labels, turns_of(labels), [FEATURES, FEATURES])
    assert both.predict(padded) == pytest.approx(alone, abs=1e-3)
    assert np.isfinite(both.kernel).all()


def test_a_backbone_that_is_joined_with_itself_answers_as_before():
    features, labels = clouds([20, 20, 20], 4)
    twice = np.concatenate([features, 100 * features], axis=1)  # in another unit
    head = fit_linear(twice[None], labels, turns_of(labels), [FEATURES, FEATURES])
    assert (head.predict(twice).argmax(axis=1) == fit(features, labels).predict(features).argmax(axis=1)).all()
    assert head.kernel[:FEATURES] == pytest.approx(100 * head.kernel[FEATURES:], abs=1e-4)


def test_one_feature_of_another_size_does_not_drown_the_others():
    features, labels = clouds([20, 20, 20], 5)
    features[:, 3] *= 10_000
    fresh, answers = clouds([100, 100, 100], 5, seed=99)
    fresh[:, 3] *= 10_000
    assert (fit(features, labels).predict(fresh).argmax(axis=1) == answers).mean() > 0.9


@pytest.mark.parametrize("factor", [1e-3, 1e3, 1e15])
def test_unit_of_the_features_does_not_matter(factor):
    features, labels = clouds([20, 20, 20], 3)
    changed = (features * factor).astype(np.float32)
    expected = fit(features, labels).predict(features)
    assert fit(changed, labels).predict(changed) == pytest.approx(expected, abs=1e-3)


def test_place_of_the_features_does_not_matter():
    features, labels = clouds([20, 20, 20], 3)
    expected = fit(features, labels).predict(features)
    assert fit(features + 1000, labels).predict(features + 1000) == pytest.approx(expected, abs=1e-2)


def test_views_are_learnt_from_and_the_first_is_judged():
    """Copies as views change nothing, and other views do."""
    features, labels = clouds([20, 20, 20], 3)
    once, twice = fit(features, labels), fit_linear(np.stack([features] * 2), labels, turns_of(labels), [FEATURES])
    assert twice.kernel == pytest.approx(once.kernel, abs=1e-3)
    moved = np.stack([features, features + np.random.default_rng(5).normal(size=features.shape).astype(np.float32)])
    other = fit_linear(moved, labels, turns_of(labels), [FEATURES])
    assert np.abs(other.kernel - once.kernel).max() > 0.01
    assert other.held_out.shape == (60, 3)


def test_pictures_of_no_turn_are_learnt_from_only():
    features, labels = clouds([20, 20, 20], 3)
    turns = np.where(np.arange(60) % 4 == 0, 0, -1)
    head = fit(features, labels, turns=turns)
    assert head.held_out.shape == (15, 3)
    assert head.kept["val_accuracy"] == pytest.approx((head.held_out.argmax(axis=1) == labels[::4]).mean())
    assert head.kept in head.rows


def test_rows_are_of_falling_strengths_until_none_is_better():
    head = fit(*clouds([20, 20, 20], 3))
    strengths = [row["strength"] for row in head.rows]
    assert strengths == sorted(strengths, reverse=True)
    assert head.kept["strength"] in strengths
    assert head.kept["val_loss"] <= min(row["val_loss"] for row in head.rows) * 1.05


def test_few_right_answers_prove_no_certainty():
    """Logits that are all right by far: what is claimed grows with the number of pictures that show it."""
    for count in (4, 40, 400):
        labels = np.arange(count) % 2
        logits = np.where(labels[:, None] == [0, 1], 50.0, -50.0)
        trial = calibrate(1, logits, labels, np.ones(count))
        claimed = 1 / (1 + np.exp(trial.logits[0, 1] - trial.logits[0, 0]))
        assert claimed == pytest.approx(1 - 0.5 / (count + 1), abs=1e-3)


def test_calibration_is_what_held_out_pictures_show():
    """Probabilities of two classes that are right three times out of four, whatever was claimed."""
    labels = np.arange(400) % 2
    said = np.where(np.arange(400) % 8 < 2, 1 - labels, labels)
    trial = calibrate(1, np.where(said[:, None] == [0, 1], 9.0, -9.0), labels, np.ones(400))
    assert 1 / (1 + np.exp(-np.abs(trial.logits[:, 0] - trial.logits[:, 1]))) == pytest.approx(0.75, abs=0.01)


PROGRAM = """
import hashlib, sys
sys.path[:0] = ["tests", "tests/training"]
from test_linear import clouds, digest, fit
print(digest(fit(*clouds([60, 40, 50], 2))))
"""


def digest(head: LinearHead) -> str:
    """Return a hash of all bits of a head."""
    return hashlib.sha256(head.kernel.tobytes() + head.bias.tobytes() + head.held_out.tobytes()).hexdigest()


def test_same_bits_every_time_on_any_number_of_threads():
    here = digest(fit(*clouds([60, 40, 50], 2)))
    for threads in ("1", "2"):
        finished = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True,
            env={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        )  # fmt: skip
        assert finished.stdout.strip() == here, finished.stderr
    assert here == digest(fit(*clouds([60, 40, 50], 2)))
