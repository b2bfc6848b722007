"""What is nearest: exactly as NumPy says, and through a graph nearly so; queries and their answers."""

import numpy as np
import pytest
from indexes import ABOUT, Means, build, make_pictures
from PIL import Image

from benchmark.search import recall
from similarity import graph
from similarity.graph import build_graph, is_stale, open_graph
from similarity.index import finish, open_index
from similarity.maker import Maker
from similarity.picture import Place
from similarity.query import Asker
from similarity.records import New
from similarity.search import Exact, unit, widened
from similarity.small import SMALL
from similarity.store import Store
from transforms import Transform


def made_up(count: int, dimensions: int = 300) -> np.ndarray:
    """Return vectors near 20 centres, float16 [count, dimensions] of unit length."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((20, dimensions)) * np.linspace(2, 0, dimensions)
    return unit(centres[rng.integers(0, 20, count)] + rng.standard_normal((count, dimensions))).astype(np.float16)


def pictures(vectors: np.ndarray, folder: str = "") -> list[New]:
    """Return a picture for each vector, which is called by its place among them."""
    small = np.zeros(SMALL, np.uint8)
    names = [f"{folder}/{row:06d}" for row in range(len(vectors))]
    facts = [(Place(name, False), 1, 1, name.encode(), 1, 1, "jpeg") for name in names]
    return [New(*each, vector, small) for each, vector in zip(facts, vectors, strict=True)]


def filled(folder, vectors: np.ndarray) -> Store:
    """Return the store of an index of vectors, open to be written."""
    store = Store(folder, ABOUT)
    store.write(pictures(vectors))
    return store


def brute_force(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-(queries.astype(np.float64) @ vectors.astype(np.float64).T), axis=1)[:, :k]


def test_half_floats_are_widened_as_numpy_does():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]
    assert (widened(finite) == finite.astype(np.float32)).all()


def test_exact_search_is_brute_force(monkeypatch):
    monkeypatch.setattr("similarity.search.BLOCK", 300 * 70)
    monkeypatch.setattr("similarity.search.CACHED_BLOCK", 300 * 30)
    monkeypatch.setattr("similarity.search.QUERIES", 8)
    vectors = made_up(1000)
    rows, cosines = Exact(vectors).nearest(vectors[:20].astype(np.float32), 10)
    assert recall(rows, brute_force(vectors, vectors[:20], 10)) > 0.99
    assert (rows[:, 0] == np.arange(20)).all()
    assert (np.diff(cosines) <= 0).all()
    assert rows.dtype == np.int64
    assert cosines.dtype == np.float32


def test_equal_ones_come_in_order_of_their_rows():
    vectors = np.tile(made_up(3), (5, 1))
    rows, _cosines = Exact(vectors).nearest(vectors[:1].astype(np.float32), 4)
    assert rows[0].tolist() == [0, 3, 6, 9]
    assert Exact(vectors[:0]).nearest(vectors[:2].astype(np.float32), 0)[0].shape == (2, 0)


def test_half_floats_lose_nothing():
    """Of unit vectors: the ten nearest are those of the float32 vectors."""
    whole = unit(np.random.default_rng(1).random((2000, 300), np.float32))
    rows, _cosines = Exact(whole.astype(np.float16)).nearest(whole[:50], 10)
    assert recall(rows, brute_force(whole, whole[:50], 10)) > 0.99


def test_graph_finds_what_exact_search_finds(tmp_path):
    pytest.importorskip("usearch")
    vectors = made_up(3000)
    store = filled(tmp_path / "index", vectors)
    build_graph(store)
    queries = vectors[::30].astype(np.float32)
    rows, cosines = open_graph(store, store.vectors()).nearest(queries, 10)
    right, right_cosines = Exact(vectors).nearest(queries, 10)
    assert recall(rows, right) >= 0.99
    assert np.abs(cosines[:, 0] - right_cosines[:, 0]).max() < 1e-5
    assert not is_stale(store)
    store.close()


def test_graph_knows_what_changed_since(tmp_path):
    pytest.importorskip("usearch")
    vectors = made_up(1200)
    store = filled(tmp_path / "index", vectors[:1100])
    build_graph(store)
    store.write(pictures(vectors[1100:1150], "/new"))
    store.remove([f"/{row:06d}" for row in range(40)])
    store.tidy()
    there = store.vectors()
    rows, _cosines = open_graph(store, there).nearest(there.astype(np.float32), 1)
    assert np.mean(rows[:, 0] == np.arange(1110)) > 0.99
    assert not is_stale(store)
    store.remove([f"/{row:06d}" for row in range(40, 140)])
    store.tidy()
    assert is_stale(store)
    store.close()


def test_graph_knows_that_its_last_rows_are_other_pictures_now(tmp_path):
    pytest.importorskip("usearch")
    vectors = made_up(1200)
    store = filled(tmp_path / "index", vectors[:1100])
    build_graph(store)
    store.remove([f"/{row:06d}" for row in range(1050, 1100)])
    store.tidy()
    store.write([New(Place("/new", False), 1, 1, b"new", 1, 1, "png", vectors[1150], np.zeros(SMALL))])
    assert store.rows_without_graph().tolist() == [1050]
    assert open_graph(store, store.vectors()).nearest(vectors[1150:1151].astype(np.float32), 1)[0].tolist() == [[1050]]
    store.close()


def test_large_indexes_get_a_graph_by_themselves(tmp_path, monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(graph, "LEAST", 500)
    filled(tmp_path / "index", made_up(600)).close()
    finish(tmp_path / "index", ABOUT, "auto")
    assert (tmp_path / "index" / "graph-1.usearch").exists()
    with open_index(tmp_path / "index") as index:
        assert index.nearest(index.vectors[5:6], 3)[0][0, 0] == 5


@pytest.mark.parametrize("left", [0, 100, -1])
def test_damaged_graph_is_told_and_built_anew(tmp_path, monkeypatch, caplog, left):
    pytest.importorskip("usearch")
    monkeypatch.setattr(graph, "LEAST", 500)
    store = filled(tmp_path / "index", made_up(600))
    build_graph(store)
    store.close()
    file = tmp_path / "index" / "graph-1.usearch"
    file.write_bytes(file.read_bytes()[:left])
    for search, warnings in (("exact", 0), ("auto", 1), ("approximate", 1)):
        with open_index(tmp_path / "index", search) as index:
            assert index.nearest(index.vectors[5:6], 3)[0][0, 0] == 5
        assert len([record for record in caplog.records if "cannot be read" in record.message]) == warnings
    assert (tmp_path / "index" / "graph-2.usearch").exists()


def test_any_of_many_copies_is_right(tmp_path, caplog):
    pytest.importorskip("usearch")
    store = filled(tmp_path / "index", np.repeat(made_up(40), 40, axis=0))
    with caplog.at_level("INFO"):
        build_graph(store)
    store.close()
    assert "the graph finds 100.0 % of the 10 nearest" in caplog.text


def test_noise_is_searched_as_a_whole(tmp_path, monkeypatch):
    """Vectors of noise lead to no neighbours: all of the short ones are compared."""
    pytest.importorskip("usearch")
    monkeypatch.setattr(graph, "REACHES", (graph.Reach(80), graph.Reach(1024, scans=True)))
    vectors = unit(np.random.default_rng(0).standard_normal((3000, 300), np.float32)).astype(np.float16)
    store = filled(tmp_path / "index", vectors)
    build_graph(store)
    queries = unit(np.random.default_rng(1).standard_normal((50, 300), np.float32))
    found = open_graph(store, store.vectors())
    assert found.reach.scans
    assert recall(found.nearest(queries, 10)[0], Exact(vectors).nearest(queries, 10)[0]) >= 0.99
    store.close()


@pytest.fixture
def asker(tmp_path):
    """Asks an index of six pictures, of which two are reddish and two bluish."""
    colors = {"red": (200, 0, 0), "ruby": (180, 30, 20), "blue": (0, 0, 200), "navy": (10, 20, 150)}
    (tmp_path / "photos").mkdir()
    for name, color in (colors | {"pink": (220, 30, 160), "green": (0, 200, 0)}).items():
        Image.new("RGB", (40, 30), color).save(tmp_path / "photos" / f"{name}.png")
    build(tmp_path / "index", tmp_path / "photos")
    engine = Means()
    with open_index(tmp_path / "index") as index:
        yield Asker(index, Maker(ABOUT, Transform(8, "pad"), engine), top_k=2)
    assert engine.computed <= 1


def names(answer):
    return [match.path.rpartition("/")[2].removesuffix(".png") for match in answer.matches]


def test_a_query_finds_others_and_not_itself(asker, tmp_path):
    red, blue = asker.ask([str(tmp_path / "photos" / f"{name}.png") for name in ("red", "blue")])
    assert names(red)[0] == "ruby"
    assert names(blue)[0] == "navy"
    assert red.matches[0].similarity > red.matches[1].similarity


def test_a_copy_of_a_query_is_found(asker, tmp_path):
    (tmp_path / "copy.png").write_bytes((tmp_path / "photos" / "red.png").read_bytes())
    (answer,) = asker.ask([str(tmp_path / "copy.png")])
    assert names(answer) == ["red", "ruby"]
    assert answer.matches[0].similarity == 1


def test_more_like_these_less_like_those(asker, tmp_path):
    path = {name: str(tmp_path / "photos" / f"{name}.png") for name in ("pink", "red", "blue")}
    (answer,) = asker.ask([path["pink"]])
    assert names(answer)[0] == "ruby"
    (answer,) = asker.ask_together([path["pink"]], [path["red"]])
    assert names(answer)[0] in ("blue", "navy")
    (answer,) = asker.ask_together([path["red"], path["blue"]])
    assert answer.query == f"{path['red']} + {path['blue']}"
    assert names(answer)[0] == "pink"


def test_what_cannot_be_read_costs_its_own_answer(asker, tmp_path):
    make_pictures(tmp_path, "new.png")
    (tmp_path / "broken.png").write_bytes(b"broken")
    broken, new = asker.ask([str(tmp_path / "broken.png"), str(tmp_path / "new.png")])
    assert (broken.error, broken.matches) == ("is a text file, not a picture", ())
    assert len(new.matches) == 2
