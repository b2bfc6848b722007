"""Hints on data and results: said when there is reason to, and only then."""

import numpy as np
import pytest

from training.hints import (
    never_answered,
    no_better_than_guessing,
    on_results,
    uneven_classes,
    worse_than_the_commonest,
)

PETS = ["birds", "cats", "dogs"]


def answers(*classes: int, score: float = 0.9) -> np.ndarray:
    """Return the probabilities of one answer after the other."""
    scores = np.full((len(classes), len(PETS)), (1 - score) / 2, np.float32)
    scores[np.arange(len(classes)), classes] = score
    return scores


def test_uneven_classes():
    (line,) = uneven_classes({"cats": 1000, "dogs": 5, "birds": 40}, "none")
    assert line.startswith(
        "the classes are very uneven: 1,000 training pictures of 'cats', but 5 of 'dogs'; all pictures "
    )
    assert uneven_classes({"cats": 49, "dogs": 5}, "auto") == []
    assert uneven_classes({"cats": 50, "dogs": 5}, "auto") != []


def test_no_better_than_guessing():
    labels = np.array([0, 1, 2])
    (line,) = no_better_than_guessing(labels, answers(1, 2, 0))
    assert line.startswith(
        "this is no better than guessing: the loss on unseen pictures is 2.996, and equal scores for all 3 classes "
    )
    assert no_better_than_guessing(labels, np.full((3, 3), 1 / 3, np.float32)) != []
    assert no_better_than_guessing(labels, answers(0, 1, 2, score=0.34)) == []
    (line,) = no_better_than_guessing(labels, answers(1, 2, 0, score=1))
    assert "the loss on unseen pictures is 87." in line  # and not infinite


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            (1, 2, 2, 0),
            [
                "this is worse than always answering 'dogs': of 4 unseen pictures 1 are answered right, "
                "and it would be 2"
            ],
        ),
        ((2, 2, 2, 2), []),
        ((0, 1, 2, 2), []),
    ],
)
def test_worse_than_the_commonest(said, expected):
    assert worse_than_the_commonest(PETS, np.array([0, 1, 2, 2]), answers(*said)) == expected


def test_never_answered():
    labels = np.array([0, 0, 2, 2])
    assert never_answered(PETS, labels, answers(0, 2, 0, 2)) == []  # of cats there are no pictures
    assert never_answered(PETS, labels, answers(0, 0, 1, 0)) == [
        "never the answer to any of 4 unseen pictures, though some show them: 'dogs' (2)"
    ]


def test_all_hints_on_results():
    labels, wrong = np.array([0, 1, 2]), answers(1, 1, 1)
    validation = (labels, wrong)
    assert [line[:12] for line in on_results(PETS, validation)] == ["this is no b", "never the an"]
    right = (labels, answers(0, 1, 2))
    assert on_results(PETS, validation, right) == []
    (line,) = on_results(PETS, (labels, answers(0, 1, 1)))
    assert line.startswith("never the answer to any of 3 unseen pictures")
    many = (np.repeat(labels, 50), answers(*np.repeat(labels, 50)))
    assert on_results(PETS, many, many) == []
