"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang, 2021).

A class is believed of a picture when its score is at least the mean score that the pictures labelled with it give it.
A picture whose likeliest believed class is not its label is a suspect. So is one whose label got far less than another
class, because those means are high where a model is good. The worst come first: those whose label got least compared
with the other class (the normalised margin).
"""

from typing import NamedTuple

import numpy as np

from evaluation.answers import Answers

FAR_LESS = 0.5  # of a score


class Suspect(NamedTuple):
    """A picture whose label is probably wrong."""

    row: int  # of the answers
    suggested: int  # the class that it seems to be
    score: float  # of that class
    label_score: float

    @property
    def margin(self) -> float:
        """How much more the label's score is than the other's, from -1."""
        return self.label_score - self.score


def find_suspects(answers: Answers) -> tuple[Suspect, ...]:
    """Return the pictures whose labels are probably wrong, the most suspicious first.

    The model must not have seen them in training, for it would know their labels by heart.
    """
    labelled = np.bincount(answers.true, minlength=answers.top.max() + 1)
    sums = np.bincount(answers.true, answers.true_score, minlength=len(labelled))
    means = np.full(len(labelled), answers.true_score.mean(), np.float64)  # of a class without pictures
    np.divide(sums, labelled, out=means, where=labelled > 0)
    is_believed = answers.top_scores >= means[answers.top]
    best = is_believed.argmax(axis=1)  # the first, for the best come first; 0 where none is
    rows = np.arange(len(best))
    suggested, score = answers.top[rows, best], answers.top_scores[rows, best]
    is_suspect = is_believed.any(axis=1) | (score - answers.true_score >= FAR_LESS)
    found = rows[is_suspect & (suggested != answers.true) & (score > answers.true_score)]
    margins = (answers.true_score - score)[found]
    return tuple(
        Suspect(row, int(suggested[row]), float(score[row]), float(answers.true_score[row]))
        for row in found[np.argsort(margins, kind="stable")].tolist()
    )
