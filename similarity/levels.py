"""Three levels of duplicates, each found among the contents of a Pool: same content, same picture, very similar."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from settings import LEVELS, WORKERS
from similarity.candidates import alike_pairs, in_blocks, near_pairs, unique_pairs
from similarity.groups import make_groups
from similarity.pool import Pool
from similarity.same import NARROW, STILL, Likeness, compare
from similarity.small import mirrored
from similarity.verdict import are_alike, are_altered, are_cropped, are_same, are_worth_comparing, have_other_colors

SAME_CONTENT, SAME_PICTURE, VERY_SIMILAR = LEVELS
COSINE = 0.92  # of pictures that are very similar whatever their pixels, at least
LEAST_COSINE = 0.45  # of vectors; skies and other smooth pictures are alike in few pixels
LEAST_DETAIL = 20.0  # grey levels, of pictures whose pixels tell more than vectors, which tiny copies change
CROPPED_COSINE = 0.65  # of vectors of pictures of which one may be a part of the other, or altered
PAIRS_AT_ONCE = 4096


@dataclass(frozen=True)
class Group:
    """Contents that are very similar, or more than that."""

    units: list[list[int]]  # contents that are the same picture; of the first there are the most pictures

    @property
    def contents(self) -> list[int]:
        """All of them."""
        return [content for unit in self.units for content in unit]


class Duplicates:
    """Finds what is alike in a Pool; `threshold` is the least cosine of the vectors of very similar pictures."""

    def __init__(self, pool: Pool, threshold: float = COSINE, workers: int = WORKERS) -> None:
        self._pool, self._threshold, self._workers = pool, threshold, workers
        self._correlations: dict[int, float] = {}  # of pairs that were found by their pixels
        self._centre = np.arange(pool.contents)  # of each content: the centre of its unit, which stands for all of it

    def groups(self, level: str = VERY_SIMILAR) -> Iterator[Group]:
        """Yield what is alike at a level, one of LEVELS, or at a stricter one."""
        if level == SAME_CONTENT:
            yield from (Group([[content]]) for content in self._pool.copies)
            return
        near, alike, flipped = self._candidates(level)
        same, recolored, altered = self._same(_union([near, alike]))
        units = list(make_groups(*self._listed(same), lambda _content: 0, self._are_same))
        if level == SAME_PICTURE:
            yield from self._joined(units, _union([]), _union([]))
            return
        for unit in units:
            self._centre[unit] = unit[0]
        near, flipped, recolored, altered = map(self._between_centres, (near, flipped, recolored, altered))
        shown = _union([recolored, self._flipped(flipped), self._cropped(np.setdiff1d(near, recolored))])
        yield from self._joined(units, shown, _union([altered, self._very_near(near)]))

    def similarities(self, content: int, others: list[int]) -> list[float]:
        """Return how similar contents are to one of them: the cosine of their vectors or, of pairs that were found by
        their pixels, the correlation of these, if it is larger.
        """
        first, second = np.full(len(others), content), np.array(others)
        is_same = self._centre[first] == self._centre[second]
        ends = (np.where(is_same, each, self._centre[each]) for each in (first, second))
        known = [self._correlations.get(pair, -1.0) for pair in self._keys(*ends).tolist()]
        similar = np.clip(np.maximum(self._cosines(first, second), known), -1, 1)
        return np.where(second == content, 1, similar).tolist()

    def _candidates(self, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pairs that are near by their vectors, alike by their pixels, and alike when one is mirrored."""
        blocks = list(alike_pairs(self._pool))
        alike, flipped = ([block[kind] for block in blocks] for kind in (0, 1))
        if level == SAME_PICTURE:
            return _union([]), _union(alike), _union([])
        return _union(near_pairs(self._pool, min(CROPPED_COSINE, self._threshold))), _union(alike), _union(flipped)

    def _same(self, pairs: np.ndarray) -> list[np.ndarray]:
        """Return the pairs that are the same picture, those that would be with the same colours, and altered ones."""
        found: tuple[list[np.ndarray], ...] = ([], [], [])
        for some in in_blocks(pairs, PAIRS_AT_ONCE, "same pictures"):
            some = some[are_worth_comparing(*map(self._pool.small, self._ends(some)))]
            likeness = self._likeness(some)
            is_same = are_same(likeness)
            is_recolored = are_alike(likeness) & have_other_colors(likeness)
            is_near = self._cosines(*self._ends(some)) >= CROPPED_COSINE
            is_altered = (are_alike(likeness) | (are_altered(likeness) & is_near)) & ~is_same & ~is_recolored
            for kind, is_kind in zip(found, (is_same, is_recolored, is_altered), strict=True):
                kind.append(self._kept(some, likeness, is_kind))
        return [_union(kind) for kind in found]

    def _between_centres(self, pairs: np.ndarray) -> np.ndarray:
        """Return the pairs of centres, instead of those of all that is the same picture; each once."""
        first, second = (self._centre[ends] for ends in self._ends(pairs))
        return unique_pairs(first, second, self._pool.contents)

    def _very_near(self, pairs: np.ndarray) -> np.ndarray:
        blocks = in_blocks(pairs, PAIRS_AT_ONCE, "near pictures")
        return _union(some[self._are_near(*self._ends(some))] for some in blocks)

    def _flipped(self, pairs: np.ndarray) -> np.ndarray:
        """Return the pairs that are the same picture when one is mirrored."""
        found = []
        for some in in_blocks(pairs, PAIRS_AT_ONCE, "mirrored pictures"):
            first, second = (self._pool.small(ends) for ends in self._ends(some))
            likeness = compare(mirrored(first), second, NARROW, self._workers)
            found.append(self._kept(some, likeness, are_alike(likeness)))
        return _union(found)

    def _cropped(self, pairs: np.ndarray) -> np.ndarray:
        """Return the pairs of which one is a part of the other, or both are of the same."""
        found = []
        for some in in_blocks(pairs, PAIRS_AT_ONCE, "cropped pictures"):
            first, second = (self._pool.small(ends) for ends in self._ends(some))
            is_cropped, correlations = are_cropped(first, second, self._workers)
            found.append(some[is_cropped])
            self._keep(some[is_cropped], correlations[is_cropped])
        return _union(found)

    def _kept(self, pairs: np.ndarray, likeness: Likeness, kept: np.ndarray) -> np.ndarray:
        """Keep how alike some of the pairs are, and return these."""
        self._keep(pairs[kept], likeness.correlation[kept])
        return pairs[kept]

    def _joined(self, units: list[list[int]], shown: np.ndarray, near: np.ndarray) -> Iterator[Group]:
        """Yield groups of units: lists of contents that are the same picture.

        Units that are of one picture by their pixels, which pairs of contents in `shown` tell, are a group. Groups that
        are only near each other, by the pairs in `near`, stay: the first of them also has the centres of the others.
        """
        units = units + self._alone(units, shown, near)
        families = [[units[unit] for unit in family] for family in self._clusters(units, shown)]
        joined = [[content for unit in family for content in unit] for family in families]
        for first, *others in self._clusters(joined, near):
            yield from self._told(families[first], [[joined[other][0]] for other in others])
            for other in others:
                yield from self._told(families[other])

    def _alone(self, units: list[list[int]], *pairs: np.ndarray) -> list[list[int]]:
        """Return units of one content: those that pairs name, and those that have copies."""
        in_units = {content for unit in units for content in unit}
        named = {content for some in pairs for ends in self._listed(some) for content in ends}
        return [[content] for content in sorted((named | self._pool.copies.keys()) - in_units)]

    def _clusters(self, parts: list[list[int]], pairs: np.ndarray) -> list[list[int]]:
        """Return the numbers of the parts, which are lists of contents, that pairs connect, and of those left alone."""
        part_of = {content: number for number, part in enumerate(parts) for content in part}
        first, second = ([part_of[content] for content in ends] for ends in self._listed(pairs))
        centres = np.array([part[0] for part in parts])
        sizes = [self._size(part) for part in parts]

        def are_near(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            return self._are_near(centres[one], centres[other])

        clusters = list(make_groups(first, second, sizes.__getitem__, are_near))
        joined = {number for cluster in clusters for number in cluster}
        return clusters + [[number] for number in range(len(parts)) if number not in joined]

    def _told(self, units: list[list[int]], others: Sequence[list[int]] = ()) -> Iterator[Group]:
        """Yield units as a group together with others, and each of the further ones that has several pictures."""
        groups = [Group([*units, *others]), *(Group([unit]) for unit in units[1:])]
        yield from (group for group in groups if self._size(group.contents) > 1)

    def _size(self, contents: Iterable[int]) -> int:
        return sum(len(self._pool.pictures_of(content)) for content in contents)

    def _likeness(self, pairs: np.ndarray) -> Likeness:
        first, second = self._ends(pairs)
        likeness = compare(self._pool.small(first), self._pool.small(second), NARROW, self._workers)
        says_little = (likeness.detail < LEAST_DETAIL) | (likeness.moved > STILL)
        is_far = says_little & (self._cosines(first, second) < LEAST_COSINE)
        return replace(likeness, correlation=np.where(is_far, -1, likeness.correlation))

    def _are_same(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        pairs = self._keys(first, second)
        likeness = self._likeness(pairs)
        is_same = are_same(likeness)
        self._kept(pairs, likeness, is_same)
        return is_same

    def _are_near(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return self._cosines(first, second) >= self._threshold

    def _cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.einsum("ij,ij->i", self._pool.vectors(first), self._pool.vectors(second))

    def _keep(self, pairs: np.ndarray, correlations: np.ndarray) -> None:
        self._correlations.update(zip(pairs.tolist(), correlations.tolist(), strict=True))

    def _keys(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.minimum(first, second) * self._pool.contents + np.maximum(first, second)

    def _listed(self, pairs: np.ndarray) -> tuple[list[int], list[int]]:
        first, second = self._ends(pairs)
        return first.tolist(), second.tolist()

    def _ends(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return pairs // max(1, self._pool.contents), pairs % max(1, self._pool.contents)


def _union(pairs: Iterable[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.empty(0, np.int64), *pairs]))
