"""From pairs to groups."""

import numpy as np
import pytest

from similarity.groups import make_groups


def group(pairs, alike=(), weights=None):
    known = {frozenset(pair) for pair in alike}
    asked = []

    def are_alike(first, second):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return np.array([frozenset(pair) in known for pair in zip(first.tolist(), second.tolist(), strict=True)])

    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    found = list(make_groups(first, second, (weights or {}).get if weights else lambda _thing: 0, are_alike))
    return [sorted(each) for each in found], asked


@pytest.mark.parametrize(
    ("pairs", "alike", "groups"),
    [
        ([], [], []),
        ([(1, 2)], [], [[1, 2]]),
        ([(1, 2), (2, 3)], [], [[1, 2, 3]]),  # 2 is the centre, which both are like
        ([(1, 2), (2, 3), (3, 4), (4, 5)], [], [[1, 2, 3], [4, 5]]),  # a chain is cut
        ([(1, 2), (2, 3), (3, 4)], [(2, 4)], [[1, 2, 3, 4]]),  # unless its end is like the centre, too
        ([(1, 2), (3, 4)], [], [[1, 2], [3, 4]]),
    ],
)
def test_a_group_is_what_is_like_its_centre(pairs, alike, groups):
    assert group(pairs, alike)[0] == groups


def test_the_heaviest_thing_is_the_centre():
    chain = [(1, 2), (2, 3), (3, 4)]
    assert group(chain, weights={1: 5, 2: 1, 3: 1, 4: 1})[0] == [[1, 2], [3, 4]]


def test_what_is_like_the_centre_is_found_through_others_without_comparing_all():
    chain = [(place, place + 1) for place in range(99)]
    apart = [(place, place + 1000) for place in range(200, 300)]
    found, asked = group([(0, 50), *chain, *apart], alike=[(50, other) for other in range(100)])
    assert found[0] == list(range(100))
    assert len(asked) < 100
