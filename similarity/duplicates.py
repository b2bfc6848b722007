"""Groups of pictures that are the same, or nearly so, and rows of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from console.text import bytes_as_text, printable
from settings import LEVELS, WORKERS, check_choice
from similarity.index import Index
from similarity.levels import COSINE, SAME_CONTENT, SAME_PICTURE, VERY_SIMILAR, Duplicates, Group
from similarity.picture import Picture
from similarity.pool import Pool
from similarity.rows import Rows

COLUMNS = ("group", "level", "path", "similarity", "best")


@dataclass(frozen=True)
class Member:
    """A picture of a group."""

    picture: Picture
    level: str  # how it relates to the best of its group; the best itself has the strictest level of the others
    similarity: float  # to the best of its group
    is_best: bool = False

    @property
    def level_name(self) -> str:
        """The level in words."""
        return self.level.replace("-", " ")


def find_groups(
    index: Index,
    other: Index | None = None,
    level: str = VERY_SIMILAR,
    threshold: float = COSINE,
    workers: int = WORKERS,
) -> list[list[Member]]:
    """Return the groups of duplicates of an index, or of its pictures that are in another one, sorted by their best.

    The best is the first of its group. Raises UsageError for a level that is none.
    """
    check_choice("level", level, LEVELS)
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
    """Return the pictures of a group, the best first; where one has copies, it is among these."""
    of_first = [(number, content) for content in group.units[0] for number in pool.pictures_of(content)]
    of_all = [(number, content) for content in group.contents for number in pool.pictures_of(content)]
    best, best_content = min(
        of_first if len(of_first) > 1 else of_all,
        key=lambda pair: _rank(pool.picture(pair[0])),
    )
    unit = next(unit for unit in group.units if best_content in unit)
    others = []
    for content, similarity in zip(group.contents, duplicates.similarities(best_content, group.contents), strict=True):
        level = SAME_CONTENT if content == best_content else SAME_PICTURE if content in unit else VERY_SIMILAR
        numbers = [number for number in pool.pictures_of(content) if number != best]
        others += [Member(pool.picture(number), level, similarity) for number in numbers]
    others.sort(key=lambda member: (LEVELS.index(member.level), -member.similarity, member.picture.path))
    return [Member(pool.picture(best), others[0].level, 1.0, True), *others]


def _rank(picture: Picture) -> tuple[int, int, str]:
    """Return what sorts the best picture first: the largest, and of these the one that is compressed least."""
    return -picture.width * picture.height, -picture.size, picture.path


def write_rows(groups: Iterable[Sequence[Member]], file: TextIO, format: str) -> None:
    """Write a row for each picture of each group, or lines for people."""
    if format == "text":
        file.write("\n".join("".join(_lines(number, group)) for number, group in enumerate(groups, start=1)))
        return
    rows = Rows(file, format, COLUMNS)
    for number, group in enumerate(groups, start=1):
        for member in group:
            best = member.is_best if format == "jsonl" else "yes" if member.is_best else "no"
            rows.write(number, member.level_name, member.picture.path, member.similarity, best)


def _lines(number: int, group: Sequence[Member]) -> Iterator[str]:
    yield f"group {number}: {len(group)} pictures\n"
    for member in group:
        picture = member.picture
        said = "best" if member.is_best else f"{member.level_name}, {member.similarity:.3f}"
        size = f"{picture.width} x {picture.height}, {bytes_as_text(picture.size)}"
        yield f"  {printable(picture.path)}: {said} ({size})\n"


def describe(groups: Sequence[Sequence[Member]]) -> str:
    """Say how many duplicates there are."""
    others = [member for group in groups for member in group if not member.is_best]
    counts = Counter(member.level_name for member in others)
    if not groups:
        return "no duplicates"
    named = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    size = bytes_as_text(sum(member.picture.size for member in others))
    return f"{len(groups):,} group{'s' * (len(groups) != 1)}; beside the best of each: {named}; {size}"
