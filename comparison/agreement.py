"""What several models say of the same pictures, and how often they agree."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inference.scores import to_result
from labels import ClassLabel
from pipeline.panel import Answer
from results import Prediction, Result


class Row(NamedTuple):
    """The answers of all models to one picture."""

    path: str
    results: tuple[Result, ...]  # one for each model; with errors when it cannot be read
    agree: bool  # all best labels are the same
    error: str = ""

    @property
    def best(self) -> tuple[Prediction, ...]:
        """Each model's best label."""
        return tuple(result.predictions[0] for result in self.results)


class Tally:
    """Counts over all pictures: what went wrong, how sure the models were, and which of them agree."""

    def __init__(
        self, names: Sequence[str], labels: Sequence[Sequence[ClassLabel]], decisions: Sequence[float | None]
    ) -> None:
        """Take each model's name, labels and `decision` (see `to_result`); an ensemble comes after these."""
        self.names = names
        self.pictures = self.failed = self.all_agree = 0
        self._labels = labels
        self._voters = len(decisions)  # models that answer by themselves; the ensemble does not
        self._decisions = [*decisions, *[None] * (len(names) - len(decisions))]
        self._same_classes = all(classes == labels[0] for classes in labels)
        self._scores = np.zeros(len(names))
        self._agree = np.zeros((len(names), len(names)), int)

    def add(self, answer: Answer, top_k: int) -> Row:
        """Count one picture and return its row."""
        self.pictures += 1
        source = answer.frame.source
        if answer.scores is None:
            self.failed += 1
            return Row(source, tuple(Result(source, error=answer.error) for _ in self.names), False, answer.error)
        results = tuple(
            to_result(source, scores, labels, top_k, decision_threshold=decision)
            for scores, labels, decision in zip(answer.scores, self._labels, self._decisions, strict=True)
        )
        best = [result.predictions[0] for result in results]
        keys = [one[:2] if self._same_classes else one.label for one in best]
        self._scores += [one.score for one in best]
        self._agree += np.array([[one == other for other in keys] for one in keys])
        agree = len(set(keys[: self._voters])) == 1
        self.all_agree += agree
        return Row(source, results, agree)

    @property
    def answered(self) -> int:
        """How many pictures the models answered for."""
        return self.pictures - self.failed

    def mean_scores(self) -> np.ndarray:
        """Return the mean score of each model's best label, float [models]."""
        return self._scores / max(self.answered, 1)

    def agreement(self) -> np.ndarray:
        """Return the share of pictures for which each two models have the same best label, float [models, models]."""
        return self._agree / max(self.answered, 1)

    def sentence(self) -> str:
        """Say how often all models agree."""
        failed = f"; {self.failed:,} failed" if self.failed else ""
        if not self.answered:
            return "No picture could be read"
        if self._voters == 1:
            return f"{self.answered:,} picture{'s' if self.answered > 1 else ''}{failed}"
        who = "Both models" if self._voters == 2 else f"All {self._voters} models"
        share = f"{self.all_agree:,} of {self.answered:,} pictures ({self.all_agree / self.answered:.1%})"
        return f"{who} give the same best label for {share}{failed}"
