"""Pictures that models know from their training: recognised by their content, whatever they are called now."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, replace

from tqdm import tqdm

from console import bar_is_off
from errors import ImageError, UsageError
from files import sha256_of
from sources.archive_folders import digest_in_archive
from sources.frames import read_ahead
from sources.labelled import LabelledPath, LabelledPictures
from sources.named import Kind, kind_of


@dataclass(frozen=True)
class News:
    """Labelled pictures without those that a model knows."""

    pictures: LabelledPictures
    left_out: int = 0
    notes: tuple[str, ...] = ()  # what readers of the figures should know


def leave_out_known(pictures: LabelledPictures, known: Mapping[str, AbstractSet[str]]) -> News:
    """Leave out what a model knows: `known` has the SHA-256 of the pictures of each by its name.

    Where every model knows all of them, they all stay, and a note says what that means. Raises
    UsageError when each picture is known to some of several models.
    """
    known = {model: digests for model, digests in known.items() if digests}
    if not known:
        return News(pictures)
    knowing: Counter[str] = Counter()  # pictures that each model knows
    left = Counter(pictures.counts)
    paths = set()
    for path, index, digest in _with_digests(pictures):
        models = [model for model, digests in known.items() if digest in digests]
        if models:
            knowing.update(models)
            left[index] -= 1
            paths.add(path)
    left = +left  # classes of which nothing is left are not there any more
    if not left:
        return _all_known(pictures, known, knowing)
    return _without(pictures, paths, left, knowing)


def _with_digests(pictures: LabelledPictures) -> Iterable[tuple[str, int, str | None]]:
    with closing(read_ahead(pictures, _with_digest)) as found:
        yield from tqdm(
            filter(None, found), "is it new to the models?", len(pictures), unit="picture", leave=False,
            disable=bar_is_off(),
        )  # fmt: skip


def _with_digest(picture: tuple[str, int]) -> tuple[str, int, str | None]:
    path, index = picture
    try:
        if os.path.isfile(path):  # a pipe would be read for ever
            return path, index, sha256_of(path)
        return path, index, digest_in_archive(path) if kind_of(path) is Kind.ARCHIVE else None
    except (OSError, ImageError):  # that it cannot be read is said when it is to be classified
        return path, index, None


def _all_known(pictures: LabelledPictures, known: Iterable[str], knowing: Counter[str]) -> News:
    total = len(pictures)
    if any(knowing[model] < total for model in known):
        raise UsageError(
            f"nothing is left of the {total:,} pictures of {pictures.name}: each is known to a model from its "
            f"training ({_counts(knowing)}); give other pictures, or evaluate one model at a time"
        )
    who = next(iter(knowing)) if len(knowing) == 1 else "every model"
    return News(
        pictures,
        notes=(
            f"each of the {total:,} pictures is known to {who} from its training: the figures do not hold for others",
        ),
    )


def _without(pictures: LabelledPictures, paths: AbstractSet[str], left: Counter[int], knowing: Counter[str]) -> News:
    if not paths:
        return News(pictures)

    def rows(split: str | None) -> Iterator[LabelledPath]:
        return (row for row in pictures.data.rows(split) if row.path not in paths)

    total, left_out = len(pictures), len(pictures) - left.total()
    who = f"a model from its training ({_counts(knowing)})"
    if len(knowing) == 1:
        who = f"{next(iter(knowing))} from its training"
    note = f"left out: {left_out:,} of the {total:,} pictures, known to {who}"
    return News(replace(pictures, data=replace(pictures.data, rows=rows), counts=left), left_out, (note,))


def _counts(knowing: Counter[str]) -> str:
    return ", ".join(f"{model}: {count:,}" for model, count in knowing.items())
