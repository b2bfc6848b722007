"""Labels that are probably wrong: those that were planted come first, and good ones are left alone."""

import csv
from array import array
from dataclasses import replace

import numpy as np
import pytest
from reports import NAMES, PLANTED, make_findings

from evaluation.answers import Answers, AnswerStore
from evaluation.findings import write_suspects
from evaluation.suspects import find_suspects


def answers_of(true: list[int], scores: np.ndarray) -> Answers:
    store = AnswerStore(scores.shape[1])
    for label, row in zip(true, scores.astype(np.float32), strict=True):
        store.add(label, row)
    return store.answers(array("i", true))


def test_planted_labels_are_found_first():
    random = np.random.default_rng(3)
    labels = np.arange(600) % 20
    scores = random.random((600, 20)) * 0.05
    scores[np.arange(600), labels] += random.random(600) * 3
    scores /= scores.sum(axis=1, keepdims=True)
    planted = random.choice(600, 12, replace=False)
    labels[planted] = (labels[planted] + 1 + random.integers(0, 18, 12)) % 20
    found = find_suspects(answers_of(labels.tolist(), scores))
    assert len({one.row for one in found[:12]} & set(planted.tolist())) >= 10
    assert [one.margin for one in found] == sorted(one.margin for one in found)


#   scores of the third picture, and whether its label, the first class, is suspected; the means are 0.9 and 0.6
@pytest.mark.parametrize(
    ("scores", "suspected"),
    [((0.3, 0.7), True), ((0.45, 0.55), False), ((0.9, 0.1), False), ((0.6, 0.4), False)],
)
def test_a_class_is_believed_from_the_mean_score_of_its_pictures(scores, suspected):
    others = 2.7 - scores[0]  # of three pictures, so that the mean is 0.9 whatever the third has
    first = np.array([[others / 2, 1 - others / 2]] * 2 + [scores] + [[0.4, 0.6]])
    found = find_suspects(answers_of([0, 0, 0, 1], first))
    assert [(one.row, one.suggested) for one in found] == ([(2, 1)] if suspected else [])


def test_far_less_than_another_class_is_suspected_though_no_class_is_believed():
    scores = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.8, 0.1]])
    (suspect,) = find_suspects(answers_of([0, 1, 2, 2], scores))
    assert (suspect.row, suspect.suggested) == (3, 1)
    assert (suspect.score, suspect.label_score) == pytest.approx((0.8, 0.1))


def test_file_has_a_row_for_each_suspect_of_each_model(tmp_path):
    findings = make_findings(tmp_path, models=2, pictures=18)
    write_suspects(replace(findings, root=str(tmp_path)), tmp_path)
    with open(tmp_path / "suspects.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == [one.model for one in findings.evaluations for _ in one.suspects]
    assert (rows[0]["path"], rows[0]["label"], rows[0]["suggested"]) == (f"picture <{PLANTED}>.png", *NAMES[1:3])
    assert float(rows[0]["margin"]) == pytest.approx(float(rows[0]["label_score"]) - float(rows[0]["score"]), abs=1e-6)
    assert list(rows[0]) == ["path", "model", "label", "suggested", "score", "label_score", "margin"]
