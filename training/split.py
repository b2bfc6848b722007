"""Divide pictures into training, validation and test, by their content alone.

Where a picture goes depends on its bytes, the seed and the other pictures of its class, and not on names, order,
folders or machines. Copies of one picture (the same bytes) always go into the same split.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from classifiers.manifest import Picture
from errors import UsageError
from sources.splits import SPLITS, TEST, TRAIN

MOST_REASONS = 3  # in an error

Shares = Sequence[float]  # of training, validation and test, in any unit


def split_pictures(pictures: Iterable[Picture], shares: Shares, seed: int) -> list[Picture]:
    """Return the pictures with their splits; those that would leak or mislead are skipped.

    Within each class, unique pictures are ordered by a hash of the seed and their content and cut
    by `shares`. Splits that are given stay, and one that is missing is cut from train.
    Raises UsageError when a class has too few pictures.
    """
    pictures = _without_leaks(_without_contradictions(pictures))
    given = {picture.split for picture in pictures} - {""}
    open_sides = [split for split, share in zip(SPLITS, shares, strict=True) if share and split not in given]
    wanted = {split: share for split, share in zip(SPLITS, shares, strict=True) if split in {*open_sides, "train"}}
    chosen: dict[str, str] = {}
    for label, pool in _by_class(picture for picture in pictures if picture.split in ("", TRAIN)).items():
        _check_any_left(_no_class(label), pool)
        chosen |= _cut(label, pool, wanted, seed)
    return [
        replace(picture, split=chosen.get(picture.digest, picture.split)) if picture.split in ("", "train") else picture
        for picture in pictures
    ]


def _without_contradictions(pictures: Iterable[Picture]) -> list[Picture]:
    """Skip pictures that are in several classes: no answer to them could be right."""
    pictures = list(pictures)
    labels = defaultdict(set)
    for picture in pictures:
        labels[picture.digest].add(picture.label)
    return [
        replace(picture, skipped=f"the same picture is in the classes {', '.join(sorted(labels[picture.digest]))}")
        if picture.digest and len(labels[picture.digest]) > 1 and not picture.skipped
        else picture
        for picture in pictures
    ]


def _without_leaks(pictures: Sequence[Picture]) -> list[Picture]:
    """Where splits are given, skip a picture that is also in a later one: test keeps it. No split counts as train."""
    last: dict[str, str] = {}
    for split in SPLITS:
        last |= {picture.digest: split for picture in pictures if picture.split == split and not picture.skipped}
    return [
        replace(picture, skipped=f"the same picture is in {last[picture.digest]}")
        if not picture.skipped and last.get(picture.digest, TRAIN) != (picture.split or TRAIN)
        else picture
        for picture in pictures
    ]


def _cut(label: str, pool: Sequence[Picture], shares: dict[str, float], seed: int) -> dict[str, str]:
    """Return the split of each picture of one class: {digest: split}."""
    digests = {picture.digest for picture in pool if not picture.skipped}
    ordered = sorted(digests, key=lambda digest: hashlib.sha256(f"{seed} {digest}".encode()).digest())
    total = sum(shares.values())
    others = {split: max(1, int(len(ordered) * shares[split] / total + 0.5)) for split in shares if split != TRAIN}
    if len(ordered) <= sum(others.values()):  # two pictures: none is left to test
        others = {split: 1 for split in others if split != TEST}
    if len(ordered) <= len(others):
        skipped = [picture for picture in pool if picture.skipped]
        why = f"; {len(skipped)} are left out: {_reasons(skipped)}" if skipped else ""
        raise UsageError(too_few(label, len(ordered)) + why)
    chosen = dict.fromkeys(ordered, "train")
    start = 0
    for split, count in others.items():
        chosen |= dict.fromkeys(ordered[start : start + count], split)
        start += count
    return chosen


def too_few(label: str, count: int) -> str:
    """Return what is said of a class that cannot be trained and validated."""
    return (
        f"the class '{label}' has too few pictures: {count} different ones to train and to validate on; at least 2 "
        "are needed, and dozens are better"
    )


def check_every_class(pictures: Sequence[Picture]) -> None:
    """Raise UsageError when what was skipped leaves a class without pictures to train on, or a split without any."""
    for label, pool in _by_class(picture for picture in pictures if picture.split == TRAIN).items():
        _check_any_left(_no_class(label), pool)
    for split in SPLITS:
        rows = [picture for picture in pictures if picture.split == split]
        _check_any_left(f"there is no picture left for {split}", rows)


def _by_class(pictures: Iterable[Picture]) -> dict[str, list[Picture]]:
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        found[picture.label].append(picture)
    return dict(sorted(found.items()))


def _no_class(label: str) -> str:
    return f"the class '{label}' has no picture left for {TRAIN}"


def _check_any_left(what: str, pictures: Sequence[Picture]) -> None:
    if pictures and all(picture.skipped for picture in pictures):
        raise UsageError(f"{what}: all {len(pictures)} are left out: {_reasons(pictures)}")


def _reasons(skipped: Sequence[Picture]) -> str:
    """Return why pictures are left out, the commonest reason first, with an example of each."""
    examples: dict[str, str] = {}
    for picture in skipped:
        examples.setdefault(picture.skipped, picture.path)
    counts = Counter(picture.skipped for picture in skipped).most_common(MOST_REASONS)
    return ", ".join(f"{reason} ({count}, such as {examples[reason]})" for reason, count in counts)


def missing_classes(pictures: Iterable[Picture]) -> dict[str, list[str]]:
    """Return the classes of which a split has no pictures, though it has some: {split: classes}."""
    used = [picture for picture in pictures if not picture.skipped]
    labels = {picture.label for picture in used}
    there = {split: {picture.label for picture in used if picture.split == split} for split in SPLITS}
    return {split: sorted(labels - found) for split, found in there.items() if found and labels - found}
