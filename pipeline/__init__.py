"""From what the user names to results in one call: `classify()`; and several classifiers on one stream of pictures."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from classifiers import load_classifier
from classifiers.load import Model
from results import Result
from settings import MODEL, TOP_K
from sources.paths import PathName, Search


def classify(
    images: Any,
    model: Model = MODEL,
    *,
    top_k: int = TOP_K,
    threshold: float = 0,
    exclude: Iterable[PathName] = (),
    skip: Callable[[str], bool] | None = None,
    **options: Any,
) -> Iterator[Result]:
    """Yield a Result for each picture, as `Classifier.classify` of a classifier that is loaded for this call alone.

    `options` are those of `load_classifier`. `exclude` names folders that are not searched, and
    `skip` says of each path, in order, whether to leave it out.
    """
    search = Search(folders=tuple(map(str, exclude)))
    answers = load_classifier(model, **options).classify_frames(
        images, top_k=top_k, threshold=threshold, search=search, skip=skip
    )
    return (result for _frame, result in answers)
