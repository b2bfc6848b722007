"""What folders, and words in a CSV file, say of training, validation and test."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from errors import UsageError
from labels.classes import nfc

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
HELD_OUT = "held out"  # the test, or with another one for that, the validation
WORDS = {
    "train": TRAIN, "training": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "validate": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST,
    "eval": HELD_OUT, "evaluation": HELD_OUT, "holdout": HELD_OUT, "hold_out": HELD_OUT, "heldout": HELD_OUT,
}  # fmt: skip
UNLABELLED = ("pred", "prediction", "predictions", "predict", "unlabeled", "unlabelled", "submission")
PLAIN = "set|sets|data|dataset|images?|imgs?|pictures?|pics?|photos?|samples?|split|dir|folder|seg|my|the"
NAME = re.compile(rf"(?:(.+)_)?({'|'.join(sorted(WORDS, key=len, reverse=True))})(?:_?({PLAIN}))?((?:_|(?=\d)).+)?")


class SplitName(NamedTuple):
    """A folder's name, read as that of a split."""

    split: str
    rest: tuple[str, str]  # what stands before and after, where it says more than "set" and "images" do


def read_name(name: str) -> SplitName | None:
    """Return the split that a name may mean, such as train_data, Test, training-set or imagenet_val; or None."""
    match = NAME.fullmatch(re.sub(r"[\s.-]+", "_", nfc(name).strip()).lower().strip("_"))
    if match is None:
        return None
    before, word, _plain, after = match.groups(default="")
    rest = tuple("" if re.fullmatch(PLAIN, part.strip("_")) else part for part in (before, after))
    return SplitName(WORDS[word], (rest[0], rest[1]))


def is_unlabelled(name: str) -> bool:
    """Return whether folders of this name usually hold pictures without labels, to predict."""
    return not set(re.split(r"[\W_]+", name.lower())).isdisjoint(UNLABELLED)


def is_numbered_test(name: str) -> bool:
    """Return whether a name is that of a test with a number, such as test1 and test_stg2, as in competitions."""
    read = read_name(name)
    return read is not None and read.split == TEST and not read.rest[0] and read.rest[1][-1:].isdigit()


def plain_splits(names: Iterable[str]) -> dict[str, str]:
    """Return which of these folders are called as splits, and no more than that: {name: split}."""
    found = {name: read for name in names if (read := read_name(name))}
    return _settle({name: read.split for name, read in found.items() if not any(read.rest)})


def kindred_splits(names: Iterable[str]) -> dict[str, str]:
    """Return which folders are called as several splits of one thing, such as imagenet_train and imagenet_val."""
    by_rest: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        if (read := read_name(name)) and any(read.rest):
            by_rest.setdefault(read.rest, {})[name] = read.split
    groups = [group for group in by_rest.values() if len(set(group.values())) > 1]
    return _settle(groups[0]) if len(groups) == 1 else {}


@lru_cache
def split_of_word(word: str) -> str:
    """Return the split that a word in a CSV file means, "" for none; raises UsageError for a word that means none."""
    if not word.strip():
        return ""
    read = read_name(word)
    if read is None or any(read.rest):
        raise UsageError(f"the split '{word.strip()}' is none of train, validation and test; leave it empty")
    return TEST if read.split == HELD_OUT else read.split


def _settle(splits: dict[str, str]) -> dict[str, str]:
    """Say what is held out for: the test, unless there is another one."""
    instead = VALIDATION if TEST in splits.values() else TEST
    return {name: instead if split == HELD_OUT else split for name, split in splits.items()}
