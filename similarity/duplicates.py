"""Groups of pictures that are the same, or nearly so: rows of them, and folders for review."""

import argparse
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from console.text import printable
from similarity.index import Index
from similarity.levels import COSINE, SAME_CONTENT, SAME_PICTURE, VERY_SIMILAR, Duplicates, Group
from similarity.picture import Picture
from similarity.pool import Pool

COLUMNS = ("group", "level", "path", "similarity", "best")
STRICTNESS = {SAME_CONTENT: 0, SAME_PICTURE: 1, VERY_SIMILAR: 2}

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class Member:
    """A picture of a group."""

    picture: Picture
    level: str  # how it relates to the best of its group; the best itself has the strictest level of the others
    similarity: float  # to the best of its group
    is_best: bool = False


def find_groups(
    index: Index, other: Index | None = None, level: str = VERY_SIMILAR, threshold: float = COSINE, workers: int = 1
) -> list[list[Member]]:
    """Return the groups of duplicates of an index, or of its pictures that are in another one, each with its best first.

    They are sorted by the path of the best.
    """
    pool = Pool(index, other)
    duplicates = Duplicates(pool, threshold, workers)
    groups = (group for group in duplicates.groups(level) if _is_on_both_sides(pool, group))
    members = (_members(pool, duplicates, group) for group in groups)
    return sorted(members, key=lambda group: group[0].picture.path)


def _is_on_both_sides(pool: Pool, group: Group) -> bool:
    if not pool.is_two:
        return True
    return len({pool.side(number) for content in group.contents for number in pool.pictures_of(content)}) == 2


def _members(pool: Pool, duplicates: Duplicates, group: Group) -> list[Member]:
    most = max(map(len, group.units))
    finest = [content for unit in group.units if len(unit) == most for content in unit]
    best = min((number for content in finest for number in pool.pictures_of(content)), key=lambda number: _rank(pool.picture(number)))
    best_content = next(content for content in finest if best in pool.pictures_of(content))
    unit = next(unit for unit in group.units if best_content in unit)
    contents = group.contents
    similarities = duplicates.similarity(best_content, contents)
    others = []
    for content, similarity in zip(contents, similarities.tolist(), strict=True):
        level = SAME_CONTENT if content == best_content else SAME_PICTURE if content in unit else VERY_SIMILAR
        others += [Member(pool.picture(number), level, similarity) for number in pool.pictures_of(content) if number != best]
    others.sort(key=lambda member: (STRICTNESS[member.level], -member.similarity, member.picture.path))
    return [Member(pool.picture(best), others[0].level, 1.0, True), *others]


def _rank(picture: Picture) -> tuple:
    """Return what sorts the best picture first: the largest, and of these the one that is compressed least."""
    return -picture.width * picture.height, -picture.size, picture.path
