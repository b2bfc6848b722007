"""Which pictures are held out, to judge what is fitted on the others."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from classifiers.manifest import Picture
from errors import UsageError
from sources.splits import VALIDATION
from training.split import too_few

MOST_TURNS = 5  # of a cross-validation
MANY, ENOUGH = 1500, 5  # pictures, and validation pictures of each class, with which one turn is as good


def held_out_turns(pictures: Sequence[Picture]) -> list[int]:
    """Return in which turn each picture of training and validation is held out.

    All pictures take turns, as in cross-validation, in which copies of one picture stay together. Where there are many,
    validation is held out, once, and training pictures are not (-1). Raises UsageError for a class of one picture.
    """
    by_class = _by_class(pictures)
    validation = _by_class(picture for picture in pictures if picture.split == VALIDATION)
    least = min(len(validation[label]) for label in by_class)
    if len(pictures) >= MANY and least >= ENOUGH:
        return [0 if picture.split == VALIDATION else -1 for picture in pictures]
    count = min(MOST_TURNS, *map(len, by_class.values()))
    if count < 2:
        raise UsageError(too_few(min(by_class, key=lambda label: len(by_class[label])), 1))
    ordered = [digest for label in sorted(by_class) for digest in sorted(by_class[label])]
    turns = {digest: number % count for number, digest in enumerate(ordered)}
    return [turns[picture.digest] for picture in pictures]


def _by_class(pictures: Iterable[Picture]) -> dict[str, set[str]]:
    """Return the digests of each class."""
    found: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        found[picture.label].add(picture.digest)
    return found
