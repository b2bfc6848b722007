"""Divide pictures into training, validation and test, by their content alone.

Where a picture goes depends on its bytes, the seed and the other pictures of its class, and not on names, order,
folders or machines. Copies of one picture (the same bytes) always go into the same split.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from errors import UsageError
from training.dataset import SPLITS, Picture

Shares = Sequence[float]  # of training, validation and test, in any unit


def split_pictures(pictures: Iterable[Picture], shares: Shares, seed: int) -> list[Picture]:
    """Return the pictures with their splits; those that would leak or mislead are skipped.

    Within each class, unique pictures are ordered by a hash of the seed and their content and cut
    by `shares`. Splits that are given by folders stay, and one that is missing is cut from train.
    Raises UsageError when a class has too few pictures.
    """
    pictures = _without_leaks(_without_contradictions(pictures))
    given = {picture.split for picture in pictures} - {""}
    open_sides = [split for split, share in zip(SPLITS, shares, strict=True) if share and split not in given]
    wanted = {split: share for split, share in zip(SPLITS, shares, strict=True) if split in {*open_sides, "train"}}
    chosen = {}
    by_class = defaultdict(set)
    for picture in pictures:
        if not picture.skipped and picture.split in ("", "train"):
            by_class[picture.label].add(picture.digest)
    for label in sorted({picture.label for picture in pictures}):
        chosen |= _cut(label, by_class[label], wanted, seed)
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
    """Where folders decide the splits, skip a picture that is also in a later split: test keeps it."""
    last = {}
    for split in SPLITS:
        last |= {picture.digest: split for picture in pictures if picture.split == split and not picture.skipped}
    return [
        replace(picture, skipped=f"the same picture is in {last[picture.digest]}")
        if picture.split and not picture.skipped and last[picture.digest] != picture.split
        else picture
        for picture in pictures
    ]


def _cut(label: str, digests: Iterable[str], shares: dict[str, float], seed: int) -> dict[str, str]:
    """Return the split of each picture of one class: {digest: split}."""
    ordered = sorted(digests, key=lambda digest: hashlib.sha256(f"{seed} {digest}".encode()).digest())
    total = sum(shares.values())
    others = {split: max(1, int(len(ordered) * shares[split] / total + 0.5)) for split in shares if split != "train"}
    if len(ordered) <= sum(others.values()):
        raise UsageError(
            f"the class '{label}' has too few pictures: {len(ordered)} different ones to divide into "
            f"{', '.join(shares)}; at least {len(shares)} are needed, and dozens are better"
        )
    chosen = dict.fromkeys(ordered, "train")
    start = 0
    for split, count in others.items():
        chosen |= dict.fromkeys(ordered[start : start + count], split)
        start += count
    return chosen


def check_every_class(pictures: Sequence[Picture]) -> None:
    """Raise UsageError when what was skipped leaves a class without pictures in a split that is used."""
    used = [picture for picture in pictures if not picture.skipped]
    there = {(picture.label, picture.split) for picture in used}
    for label in sorted({picture.label for picture in pictures}):
        for split in SPLITS:
            rows = [picture for picture in pictures if (picture.label, picture.split) == (label, split)]
            if rows and (label, split) not in there:
                raise UsageError(
                    f"the class '{label}' has no picture left for {split}: all {len(rows)} are left out, "
                    f"such as {rows[0].path}: {rows[0].skipped}"
                )
