"""Which pairs are looked at: what is alike by its pattern, exactly and through a graph."""

import numpy as np
import pytest

from similarity.candidates import NEIGHBOURS, find_exactly, find_in_graph, unique_pairs
from similarity.small import CELLS

ROWS = 3000


@pytest.fixture(scope="module")
def patterns():
    """Random patterns, of which every third is followed by two that are nearly the same; ten say nothing."""
    rng = np.random.default_rng(0)
    each = np.repeat(rng.normal(size=(ROWS // 3, CELLS * CELLS)), 3, axis=0)
    each += 0.2 * rng.normal(size=each.shape)
    each /= np.linalg.norm(each, axis=1, keepdims=True)
    each[:30:3] = 0
    return each.astype(np.float32)


@pytest.mark.parametrize("find", [find_exactly, find_in_graph])
def test_patterns_that_are_alike_are_found(patterns, find):
    if find is find_in_graph:
        pytest.importorskip("usearch")
    wanted = np.argwhere(np.triu(patterns @ patterns.T > 0.9, 1))
    rows, columns = find(patterns)(patterns)
    found = unique_pairs(rows, columns, ROWS)
    missing = np.setdiff1d(wanted @ [ROWS, 1], found)
    assert len(wanted) > ROWS * 0.9
    assert len(missing) <= 0.01 * len(wanted)
    assert np.isin(found, wanted @ [ROWS, 1]).mean() > 0.99  # 16 bits round


def test_of_many_that_are_alike_the_most_alike_are_kept(patterns):
    same = np.tile(patterns[-1:], (5 * NEIGHBOURS, 1))
    rows, columns = find_exactly(same)(same)
    assert np.bincount(rows).tolist() == [NEIGHBOURS + 1] * len(same)
    assert (columns < len(same)).all()


def test_what_says_nothing_is_like_nothing():
    blank = np.zeros((4, CELLS * CELLS), np.float32)
    assert len(find_exactly(blank)(blank)[0]) == 0
