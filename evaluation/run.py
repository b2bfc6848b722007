"""Show labelled pictures to models, keep what they say, and find out how good it is."""

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from classifiers import Classifier
from evaluation.answers import Answers, AnswerStore, PathList
from evaluation.data import Data
from evaluation.findings import Failure
from evaluation.metrics import Evaluation, evaluate
from evaluation.significance import Comparison, compare_all
from evaluation.thresholds import DEFAULT_THRESHOLD, TwoClass, judge_two_class
from labels.classes import class_names
from outputs.predictions import PredictionsFile
from pipeline.panel import Panel
from sources.labelled import LabelledPictures
from sources.pictures import Given, named_picture
from sources.search import Search


@dataclass
class Outcome:
    """What models said of labelled pictures; the rows of all models are of the same pictures."""

    stores: list[AnswerStore]
    paths: PathList = field(default_factory=PathList)
    true: array = field(default_factory=lambda: array("i"))
    failures: list[Failure] = field(default_factory=list)

    def add(self, path: str, true: int, scores: Sequence[np.ndarray]) -> list[int]:
        """Keep each model's scores, float32 [classes], of a picture; return the class that each answers with."""
        self.paths.append(path)
        self.true.append(true)
        return [store.add(true, row) for store, row in zip(self.stores, scores, strict=True)]

    @property
    def pictures(self) -> int:
        """How many there were, those that failed included."""
        return len(self.true) + len(self.failures)

    def answers(self) -> list[Answers]:
        """Return the answers of each model."""
        return [store.answers(self.true) for store in self.stores]


@dataclass(frozen=True)
class TwoClassSettings:
    """How two classes are judged."""

    positive: int  # the class that recall and the curves are about
    criterion: str  # by which the threshold is chosen, as in `thresholds.choose_threshold`


def answer_all(
    panel: Panel,
    pictures: LabelledPictures,
    decisions: Sequence[float | None],
    on_answer: Callable[[str, str], None],
    predictions: PredictionsFile | None = None,
    search: Search = Search(),
) -> Outcome:
    """Let the panel answer every picture.

    `decisions` has that of each model; `on_answer` is told each path, and why it failed ("" when it did not).
    `search` bounds downloads.
    """
    names = class_names(panel.labels[0])
    outcome = Outcome([AnswerStore(len(names), decision) for decision in decisions])
    labels_taken: deque[int] = deque()  # of the paths that are on their way through the panel

    def items() -> Iterator[str | Given]:
        for path, index in pictures:
            labels_taken.append(index)
            yield named_picture(path, search)

    with closing(panel.answer(items())) as answers:  # the threads that read end at once on Ctrl-C
        for frame, scores, error in answers:
            path, true = frame.source, labels_taken.popleft()
            if scores is None:
                outcome.failures.append(Failure(path, names[true], error))
                if predictions:
                    predictions.write_error(path, true, error)
            else:
                chosen = outcome.add(path, true, scores)
                if predictions:
                    predictions.write(path, true, chosen, scores)
            on_answer(path, error)
    return outcome


def judge(
    models: Sequence[str],
    names: tuple[str, ...],
    outcome: Outcome,
    decisions: Sequence[float | None],
    settings: TwoClassSettings,
    validation: Outcome | None = None,
) -> tuple[Evaluation, ...]:
    """Return the figures of each model, whose classes have these names; `outcome` has at least one answer."""
    on_validation = validation.answers() if validation else [None] * len(models)
    evaluations = []
    rows = zip(models, outcome.answers(), decisions, on_validation, strict=True)
    for model, answers, decision, others in rows:
        two_class = None
        if len(names) == 2 and _has_both(answers):
            two_class = _judge_two(answers, decision, settings, others)
        evaluations.append(evaluate(model, names, outcome.paths, answers, two_class))
    return tuple(evaluations)


def compare(evaluations: Sequence[Evaluation]) -> tuple[Comparison, ...]:
    """Compare each pair of models on the pictures that they were shown together."""
    return compare_all([one.model for one in evaluations], [one.answers.right for one in evaluations])


def notes_on(data: Data, classifiers: Sequence[Classifier], validation: Outcome | None) -> tuple[str, ...]:
    """Return what readers of the figures should know."""
    classes = len(classifiers[0].labels)
    notes = [*note_on_classes(len(data.test.counts), classes), *data.notes]
    notes += [
        f"{one.name} has random weights: its figures mean nothing"
        for one in classifiers
        if one.weights.source == "none"
    ]
    if validation and validation.failures:
        notes.append(f"{len(validation.failures):,} validation pictures could not be read")
    if classes == 2 and (validation is None or len(set(validation.true)) < 2):
        notes.append("no threshold is recommended, because there are no validation pictures of both classes")
    return tuple(notes)


def note_on_classes(there: int, classes: int) -> list[str]:
    """Return what readers should know where not all classes have pictures."""
    if there == classes:
        return []
    return [f"there are pictures of {there:,} of the {classes:,} classes; averages are over these"]


def _judge_two(
    answers: Answers, decision: float | None, settings: TwoClassSettings, validation: Answers | None
) -> TwoClass:
    positive = settings.positive
    of_second = DEFAULT_THRESHOLD if decision is None else decision
    used = of_second if positive == 1 else 1 - of_second
    others = None
    if validation is not None and _has_both(validation):
        others = validation.score_of(positive), validation.true == positive
    return judge_two_class(
        positive, answers.score_of(positive), answers.true == positive,
        used=(used, answers.predicted == positive), criterion=settings.criterion, validation=others,
    )  # fmt: skip


def _has_both(answers: Answers) -> bool:
    return 0 < answers.true.sum() < len(answers.true)
