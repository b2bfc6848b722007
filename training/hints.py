"""Hints on data and results that deserve a second look: plain numbers in, lines for people out."""

from collections.abc import Mapping, Sequence

import numpy as np

from sources.listing import join_names

UNEVEN = 10  # times the pictures of the smallest class, that the largest one has
UNEVEN_ANSWERS = {  # what each --class-weight does about it
    "auto": "classes count alike as long as that costs hardly any accuracy; --class-weight balanced insists on it",
    "balanced": "all classes count alike, so that common ones are taken for rare ones more often",
    "none": "all pictures count alike, so that rare classes are seldom answered; --class-weight balanced changes that",
}

Judged = tuple[np.ndarray, np.ndarray]  # class numbers [N], and probabilities [N, classes], of the same pictures


def uneven_classes(counts: Mapping[str, int], class_weight: str) -> list[str]:
    """Return a hint where the largest class has many times the pictures of the smallest, with what is done about it."""
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[largest] < UNEVEN * counts[smallest]:
        return []
    what = f"{counts[largest]:,} training pictures of '{largest}', but {counts[smallest]:,} of '{smallest}'"
    return [f"the classes are very uneven: {what}; {UNEVEN_ANSWERS[class_weight]}"]


def on_results(classes: Sequence[str], *judged: Judged) -> list[str]:
    """Return all hints on what a classifier says of pictures that it was not fitted to."""
    labels, scores = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    return [
        *no_better_than_guessing(labels, scores),
        *worse_than_the_commonest(classes, labels, scores),
        *never_answered(classes, labels, scores),
    ]


def no_better_than_guessing(labels: np.ndarray, scores: np.ndarray) -> list[str]:
    """Return a hint where the log loss is that of equal scores for all classes, or above."""
    true = scores[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(true.clip(np.finfo(np.float32).tiny)).mean()
    guess = np.log(scores.shape[1])
    if round(loss, 3) < round(guess, 3):
        return []
    return [
        f"this is no better than guessing: the loss on unseen pictures is {loss:.3f}, and equal scores for all "
        f"{scores.shape[1]} classes have {guess:.3f}; are the labels right, and do the pictures show the difference?"
    ]


def worse_than_the_commonest(classes: Sequence[str], labels: np.ndarray, scores: np.ndarray) -> list[str]:
    """Return a hint where fewer answers are right than if all were the commonest class."""
    right, counts = int((scores.argmax(axis=1) == labels).sum()), np.bincount(labels, minlength=len(classes))
    if right >= counts.max():
        return []
    return [
        f"this is worse than always answering '{classes[int(counts.argmax())]}': of {len(labels):,} unseen pictures "
        f"{right:,} are answered right, and it would be {counts.max():,}"
    ]


def never_answered(classes: Sequence[str], labels: np.ndarray, scores: np.ndarray) -> list[str]:
    """Return a hint where classes that there are pictures of are the answer to none."""
    never = np.setdiff1d(labels, scores.argmax(axis=1))
    if not len(never):
        return []
    names = join_names(f"'{classes[index]}' ({(labels == index).sum():,})" for index in never)
    return [f"never the answer to any of {len(labels):,} unseen pictures, though some show them: {names}"]
