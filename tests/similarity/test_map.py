"""`--map`: where pictures stand, which of them are odd, and the page as a file."""

from html import unescape

import numpy as np
import pytest
from galleries import rows_of
from indexes import build, groups, make_pictures

from errors import UsageError
from outputs.album import folder_of
from settings import MAX_PIXELS
from similarity import map as map_module
from similarity import open_index
from similarity.map import MapPage, labels_of
from similarity.oddness import find_odd

FOLDERS = {"cats": 8, "dogs": 8, "fish": 8}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of pictures in three folders, each with a colour of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    make_pictures(folder, *(f"{name}/{number}.png" for name, count in FOLDERS.items() for number in range(count)))
    build(folder / "index", folder)
    with open_index(folder / "index") as opened:
        yield opened


def make_map(index, path, layout="pca", **options):
    MapPage(str(path), index, layout, False, MAX_PIXELS, **options).write()
    return rows_of(path)


def test_page_has_every_picture_with_its_label_and_neighbours(index, tmp_path):
    rows = make_map(index, tmp_path / "map.html")
    assert [row["path"] for row in rows] == [picture.path for picture in index.pictures]
    assert [row["label"] for row in rows] == [list(FOLDERS).index(row["path"].split("/")[-2]) for row in rows]
    for place, row in enumerate(rows):
        cosines = index.vectors.astype(np.float32) @ index.vectors[place].astype(np.float32)
        cosines[place] = -2
        assert sorted(cosines[row["near"]]) == sorted(np.sort(cosines)[-10:])
        assert 0 <= row["x"] <= 1
        assert row["picture"].startswith("data:image/jpeg")


def test_many_pictures_are_shown_from_the_index_and_their_files(index, tmp_path, monkeypatch):
    monkeypatch.setattr(map_module, "MOST_SHOWN", 20)
    rows = make_map(index, tmp_path / "map.html", most_copies=10)
    assert len(rows) == 20
    assert not any("picture" in row for row in rows)
    assert [row["ratio"] for row in rows] == [1.5] * 20
    assert ["sheet" in row for row in rows] == [True] + [False] * 19
    assert all((tmp_path / row["link"]).resolve().is_file() for row in rows)
    page = unescape((tmp_path / "map.html").read_text(encoding="utf-8"))
    assert "img-src data: 'self' file:;" in page
    assert "Chosen by chance from 24." in page


def test_copies_that_do_not_fit_are_in_a_folder(index, tmp_path):
    rows = make_map(index, tmp_path / "map.html", most_inside=0)
    assert {row["picture"] for row in rows} < {path.name for path in (tmp_path / "map_files").iterdir()}
    assert folder_of("map.html") == "map_files"


def test_pictures_that_are_gone_stay_on_the_map(tmp_path):
    make_pictures(tmp_path, "a/1.png", "a/2.png")
    build(tmp_path / "index", tmp_path)
    (tmp_path / "a" / "1.png").unlink()
    with open_index(tmp_path / "index") as index:
        rows = make_map(index, tmp_path / "map.html")
    assert [bool(row["link"]) for row in rows] == [False, True]
    assert all("picture" in row for row in rows)


@pytest.mark.parametrize("count", [1, 2, 5, 25])
def test_small_maps(tmp_path, count):
    make_pictures(tmp_path, *(f"{number}.png" for number in range(count)))
    build(tmp_path / "index", tmp_path)
    with open_index(tmp_path / "index") as index:
        rows = make_map(index, tmp_path / "map.html", "auto")
    assert [len(row["near"]) for row in rows] == [min(10, count - 1)] * count


def test_empty_index_and_place_that_is_taken(index, tmp_path):
    (tmp_path / "map.html").touch()
    with pytest.raises(UsageError, match=r"--map: .*map\.html exists; --force overwrites it"):
        make_map(index, tmp_path / "map.html")
    build(tmp_path / "index", tmp_path)
    with open_index(tmp_path / "index") as empty, pytest.raises(UsageError, match="has no pictures"):
        make_map(empty, tmp_path / "other.html")


def test_labels_are_the_names_of_folders():
    names, labels = labels_of(["train/cats/1.jpg", "test/cats/2.jpg", "train/dogs/1.jpg", "3.jpg"])
    assert names == ["", "cats", "dogs"]
    assert labels.tolist() == [1, 1, 2, 0]


# What is odd.


def nearest(vectors):
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    rows = np.argsort(-cosines, axis=1)[:, :10]
    return rows, np.take_along_axis(cosines, rows, axis=1)


def test_wrong_labels_are_found():
    vectors, labels = groups(5, 40)
    wrong = {3: 2, 77: 0, 150: 1}
    given = labels.copy()
    given[list(wrong)] = list(wrong.values())
    odd = find_odd(given, *nearest(vectors))
    assert odd.wrong == {row: labels[row] for row in odd.wrong}
    assert set(odd.wrong) == set(wrong)


def test_rare_labels_are_not_odd():
    vectors, labels = groups(5, 40)
    labels[:2] = 5
    assert not find_odd(labels, *nearest(vectors)).wrong
    assert not find_odd(labels[30:50], *(found[:20, :3] for found in nearest(vectors[30:50]))).wrong


def test_right_labels_are_not_odd():
    vectors, labels = groups(5, 40)
    assert not find_odd(labels, *nearest(vectors)).wrong
    assert not find_odd(np.zeros_like(labels), *nearest(vectors)).wrong


def test_the_loneliest_come_first():
    vectors, labels = groups(2, 100)
    lonely = np.eye(len(vectors[0]), dtype=np.float32)[[60, 61]]
    odd = find_odd(np.append(labels, [0, 0]), *nearest(np.concatenate([vectors, lonely])))
    assert set(odd.alone[:2]) == {200, 201}
    assert len(odd.alone) == 3
