"""Where pictures stand on a map."""

import importlib.util

import numpy as np
import pytest
from indexes import groups
from sklearn.decomposition import PCA

from errors import UsageError
from similarity import layout
from similarity.layout import choose_layout, lay_out, principal_components


def share_of_own(places, labels, near=10):
    """Return the share of the nearest places that have the label of the one that they are near to."""
    apart = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    return (labels[np.argsort(apart, axis=1)[:, :near]] == labels[:, None]).mean()


def test_components_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", 70)
    vectors = np.random.default_rng(0).standard_normal((500, 30)) * np.linspace(3, 0.1, 30)
    found = principal_components(vectors.astype(np.float32), 4)
    expected = PCA(4, svd_solver="full").fit_transform(vectors)
    assert np.abs(np.abs(found) - np.abs(expected)).max() < 1e-3


@pytest.mark.parametrize("name", ["pca", "tsne"])
def test_groups_stay_together(name):
    vectors, labels = groups(3, 30)
    places = lay_out(vectors.astype(np.float16), name)
    assert share_of_own(places, labels) > 0.99
    assert places.dtype == np.float32
    assert (places.min(), places.max()) == (0, 1)
    assert (places == lay_out(vectors.astype(np.float16), name)).all()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="umap-learn is not installed")
def test_groups_stay_together_with_umap():
    vectors, labels = groups(3, 30)
    assert share_of_own(lay_out(vectors, "umap"), labels) > 0.99


def test_more_than_are_laid_out_are_placed_between(monkeypatch):
    monkeypatch.setattr(layout, "MOST_NEIGHBOURLY", 60)
    vectors, labels = groups(4, 60)
    assert share_of_own(lay_out(vectors, "tsne"), labels) > 0.95


def test_copies_of_one_picture_can_be_laid_out():
    same = np.repeat(groups(1, 1)[0], 40, axis=0)
    for name in ("pca", "tsne"):
        assert np.isfinite(lay_out(same, name)).all()


def test_layout_is_chosen_by_what_there_is():
    assert choose_layout("auto", 9) == choose_layout("pca", 1000) == "pca"
    assert choose_layout("auto", 1000) == choose_layout("tsne", 1000) == "tsne"
    if importlib.util.find_spec("umap") is None:
        with pytest.raises(UsageError, match=r"pip install -r requirements-map\.txt"):
            choose_layout("umap", 1000)
