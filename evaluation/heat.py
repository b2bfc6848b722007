"""Where a model saw what it answered, and where the label, in its most confident mistakes (see `networks.heat`)."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from classifiers import Classifier
from drawing.thumbnails import decode, to_jpeg
from evaluation.gallery import Entry, Thumbnails, confident_mistakes, entry_of
from evaluation.metrics import Evaluation
from inference.explain import Explainer, spread
from sources.frames import read_frame

MOST_EXPLAINED = 12  # pictures of a model

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class Seen:
    """A mistake with two small copies of the picture, as JPEG, that have heat over them."""

    entry: Entry
    predicted: bytes  # the heat of the class that is the answer
    true: bytes  # of the class that the picture is labelled with


def explain_mistakes(
    classifier: Classifier, evaluation: Evaluation, thumbnails: Thumbnails
) -> tuple[tuple[Seen, ...], str]:
    """Return the heat of the most confident mistakes, or why there is none; a report never fails for the want of it."""
    if not len(confident_mistakes(evaluation)):
        return (), ""
    try:
        return tuple(islice(_explain(classifier, evaluation, thumbnails), MOST_EXPLAINED)), ""
    except Exception as error:  # whatever a framework raises
        logger.debug("no heat maps of %s", classifier.name, exc_info=True)
        return (), f"there are no heat maps of {classifier.name}: {error or type(error).__name__}"


def _explain(classifier: Classifier, evaluation: Evaluation, thumbnails: Thumbnails) -> Iterator[Seen]:
    explainer = classifier.explainer()
    for row in confident_mistakes(evaluation).tolist():
        entry = entry_of(evaluation, row)
        small = thumbnails.of(entry.path)
        square = read_frame(entry.path, classifier.transform).square
        if small is not None and square is not None:
            classes = [int(evaluation.answers.predicted[row]), int(evaluation.answers.true[row])]
            yield Seen(entry, *_copies(explainer, classifier, square, classes, decode(small)))


def _copies(
    explainer: Explainer, classifier: Classifier, square: np.ndarray, classes: list[int], small: Image.Image
) -> list[bytes]:
    from outputs.explain import lay_over

    outputs = explainer.engine.predict(square[None])[0]
    heats = explainer.heat(square, outputs, classes)
    pixels = np.asarray(small.convert("RGB"))
    return [
        to_jpeg(Image.fromarray(lay_over(pixels, spread(heat, classifier.transform, *small.size)))) for heat in heats
    ]
