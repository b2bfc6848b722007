"""From pairs that are alike to groups in which all are: chains of pairs do not make everything one group."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

Check = Callable[[np.ndarray, np.ndarray], np.ndarray]


def make_groups(
    first: Sequence[int], second: Sequence[int], weight: Callable[[int], int], are_alike: Check
) -> Iterator[list[int]]:
    """Yield groups of at least two of the things that pairs connect; each begins with its centre.

    A group is what is like its centre: of those that are left, the one of the largest weight, and of these, the one
    with the most pairs. What is connected to it through others is compared with it (`are_alike` returns bool [n]
    for pairs of numbers), and is left to another group where it differs.
    """
    neighbours = defaultdict(set)
    for one, other in zip(first, second, strict=True):
        neighbours[one].add(other)
        neighbours[other].add(one)
    left = set(neighbours)
    for centre in sorted(neighbours, key=lambda thing: (-weight(thing), -len(neighbours[thing]), thing)):
        if centre in left:
            group = _grown(centre, neighbours, left, are_alike)
            left.difference_update(group)
            if len(group) > 1:
                yield group


def _grown(centre: int, neighbours: dict[int, set[int]], left: set[int], are_alike: Check) -> list[int]:
    """Return what of `left` is like a centre, and is reached from it through others that are."""
    group, seen = [centre], {centre}
    latest = neighbours[centre] & left - seen
    seen |= latest
    while latest:
        group += sorted(latest)
        beyond = sorted({thing for member in latest for thing in neighbours[member]} & left - seen)
        seen.update(beyond)
        latest = set()
        if beyond:
            is_like = are_alike(np.full(len(beyond), centre), np.array(beyond))
            latest = {thing for thing, like in zip(beyond, is_like.tolist(), strict=True) if like}
    return group
