"""An index is kept up with its pictures: what is new is computed, and nothing else is."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest
from indexes import ABOUT, SQUARE, Means, build, check_vectors, make_pictures, paths
from PIL import Image

from errors import UsageError
from similarity.build import Builder
from similarity.index import made_with, open_index
from similarity.maker import Maker
from similarity.small import small_copy
from similarity.store import AT_ONCE, Store

NAMES = [f"{name}.png" for name in "abcdefghij"]


@pytest.fixture
def photos(tmp_path):
    """A folder of ten pictures, and their index, which is `photos.index` beside it."""
    folder = tmp_path / "photos"
    make_pictures(folder, *NAMES)
    counts, computed = build(tmp_path / "photos.index", folder)
    assert (counts.added, computed) == (10, 10)
    return folder


def update(photos):
    return build(photos.with_name("photos.index"), photos)


def listed(photos):
    return [os.path.relpath(path, photos) for path in paths(photos.with_name("photos.index"))]


def change(index, *statements):
    """Do something to an index that no run of the suite would."""
    with closing(sqlite3.connect(index / "pictures.sqlite")) as table, table:
        for statement in statements:
            table.execute(statement)


def test_nothing_is_computed_twice(photos):
    counts, computed = update(photos)
    assert (counts.same, counts.added, computed) == (10, 0, 0)
    (photos / "a.png").touch()
    counts, computed = update(photos)
    assert (counts.same, counts.changed, computed) == (10, 0, 0)
    assert listed(photos) == NAMES


def test_a_file_may_be_from_the_far_future(photos):
    os.utime(photos / "a.png", (0, 2**34))
    if os.stat(photos / "a.png").st_mtime_ns < 2**63:
        pytest.skip("this disk keeps no such times")
    assert update(photos)[0].same == update(photos)[0].same == 10


def test_new_changed_and_gone_pictures_are_told_apart(photos):
    make_pictures(photos, "k.png", "x.jpg")
    (photos / "x.jpg").replace(photos / "b.png")
    (photos / "c.png").unlink()
    counts, computed = update(photos)
    assert (counts.added, counts.changed, counts.gone, computed) == (1, 1, 1, 2)
    assert listed(photos) == sorted({*NAMES, "k.png"} - {"c.png"})


def test_what_was_moved_copied_or_exchanged_is_recognised(photos):
    (photos / "sub").mkdir()
    (photos / "a.png").rename(photos / "sub" / "z.png")
    (photos / "copy.png").write_bytes((photos / "b.png").read_bytes())
    (photos / "c.png").rename(photos / "x")
    (photos / "d.png").rename(photos / "c.png")
    (photos / "x").rename(photos / "d.png")
    counts, computed = update(photos)
    assert (counts.moved, counts.added, counts.changed, counts.gone, computed) == (1, 1, 2, 0, 0)
    assert listed(photos) == sorted({*NAMES, "copy.png", "sub/z.png"} - {"a.png"})


def test_many_that_leave_keep_the_others_right(tmp_path):
    make_pictures(tmp_path / "photos", *(f"{number}.png" for number in range(60)))
    build(tmp_path / "index", tmp_path / "photos")
    for number in (*range(5, 30), 41, 59):
        (tmp_path / "photos" / f"{number}.png").unlink()
    counts, _computed = build(tmp_path / "index", tmp_path / "photos")
    assert counts.gone == 27
    assert len(paths(tmp_path / "index")) == 33
    assert (tmp_path / "index" / "vectors.f16").stat().st_size == 33 * 12 * 2


def test_only_what_was_searched_can_be_gone(photos, tmp_path):
    make_pictures(tmp_path / "others", "one.png")
    counts, _computed = build(tmp_path / "photos.index", tmp_path / "others")
    assert (counts.added, counts.gone) == (1, 0)
    photos.rename(tmp_path / "away")  # as a disk that is not there
    counts, _computed = build(tmp_path / "photos.index", photos, tmp_path / "others")
    assert (counts.gone, counts.failed) == (0, 1)
    photos.mkdir()
    assert build(tmp_path / "photos.index", photos)[0].gone == 0


def test_what_is_in_an_archive_stays_when_only_its_folder_is_searched(photos):
    index, archive = photos.with_name("photos.index"), photos / "z.zip"
    with ZipFile(archive, "w") as members:
        for name in ("a.png", "b.png"):
            members.write(photos / name, name)
    assert build(index, archive)[0].added == 2
    assert update(photos)[0].gone == 0
    with ZipFile(archive, "w") as members:
        members.write(photos / "a.png", "a.png")
    assert build(index, photos, archive)[0].gone == 1
    archive.unlink()
    assert update(photos)[0].gone == 1


def test_a_pattern_says_nothing_of_others(photos):
    counts, _computed = build(photos.with_name("photos.index"), f"{photos}/[ab].png")
    assert (counts.same, counts.gone) == (2, 0)


def test_a_broken_picture_is_read_again_when_it_has_changed(photos):
    (photos / "a.png").write_bytes(b"broken")
    counts, _computed = update(photos)
    assert (counts.failed, counts.gone) == (1, 0)
    assert "a.png" not in listed(photos)
    (photos / "a.png").chmod(0)
    assert update(photos)[0].failed == 1
    (photos / "a.png").chmod(0o644)
    make_pictures(photos, "a.png")
    assert update(photos)[0].changed == 1
    assert listed(photos) == NAMES


def test_what_another_run_may_allow_is_tried_again(tmp_path, monkeypatch):
    make_pictures(tmp_path / "photos", "a.png")
    monkeypatch.setattr("indexes.SQUARE", replace(SQUARE, max_pixels=100))
    assert build(tmp_path / "index", tmp_path / "photos")[0].failed == 1
    monkeypatch.undo()
    assert build(tmp_path / "index", tmp_path / "photos")[0].added == 1


def test_a_picture_named_twice_is_one(photos):
    make_pictures(photos, "new.png")
    counts, computed = build(photos.with_name("photos.index"), photos, photos / "new.png", f"{photos}/*.png")
    assert (counts.added, computed) == (1, 1)


def test_facts_are_those_of_the_upright_picture(tmp_path):
    image = Image.effect_noise((1600, 800), 50)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "photos").mkdir()
    image.save(tmp_path / "photos" / "turned.jpg", exif=exif)
    build(tmp_path / "index", tmp_path / "photos")
    with open_index(tmp_path / "index") as index:
        picture = index.pictures[0]
        turned = small_copy(image.transpose(Image.Transpose.ROTATE_270))
        assert np.abs(index.small[0].astype(int) - turned).mean() < 3
    assert (picture.width, picture.height, picture.format) == (800, 1600, "jpeg")
    assert picture.size == os.path.getsize(picture.path)


def test_paths_are_shown_from_where_one_is(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build(tmp_path / "relative.index", "photos")
    assert paths(tmp_path / "relative.index")[0] == os.path.join("photos", "a.png")
    monkeypatch.chdir(photos)
    assert paths(tmp_path / "relative.index")[0] == "a.png"


def test_pictures_are_had_by_rows_that_were_found(photos):
    with open_index(photos.with_name("photos.index")) as index:
        rows, _cosines = index.nearest(index.vectors[3:4].astype(np.float32), 1)
        assert index.pictures[rows[0, 0]] == index.pictures[3] == list(index.pictures)[-7]
    with pytest.raises(UsageError, match="cannot be used: Cannot operate on a closed database"):
        index.pictures[0]


def test_a_run_that_was_ended_while_rows_moved_is_put_right(photos):
    index = photos.with_name("photos.index")
    change(index, "UPDATE pictures SET place = NULL WHERE row IN (0, 3)", "DELETE FROM pictures WHERE row = 4")
    with (index / "vectors.f16").open("ab") as file:
        file.write(b"half a batch")
    assert len(paths(index)) == 7
    counts, computed = update(photos)
    assert (counts.added, computed) == (3, 3)
    assert listed(photos) == NAMES


def test_rows_move_in_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("similarity.store.AT_ONCE", 2)
    assert AT_ONCE > 2
    make_pictures(tmp_path / "photos", *NAMES)
    build(tmp_path / "index", tmp_path / "photos")
    for name in NAMES[:5]:
        (tmp_path / "photos" / name).unlink()
    build(tmp_path / "index", tmp_path / "photos")
    assert len(paths(tmp_path / "index")) == 5


def test_one_writes_or_several_read(photos):
    index = photos.with_name("photos.index")
    with open_index(index) as one, open_index(index) as other:
        check_vectors(one)
        assert len(other) == 10
        with pytest.raises(UsageError, match="in use by another process"):
            Store(index, ABOUT)
    store = Store(index, ABOUT)
    with pytest.raises(UsageError, match="in use by another process"):
        open_index(index)
    store.close()


def spoil_table(index):
    (index / "pictures.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200))


def cut_vectors(index):
    os.truncate(index / "vectors.f16", 100)


def other_format(index):
    change(index, "UPDATE about SET value = '99' WHERE what = 'format'")


def other_program(index):
    (index / "pictures.sqlite").unlink()
    change(index, "CREATE TABLE pictures (name)")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_table, "damaged"), (cut_vectors, "vectors.f16 does not have its 10 rows"), (other_format, "format 99"),
        (other_program, "another program"),
    ],
)  # fmt: skip
def test_an_index_that_is_not_whole_is_refused(photos, spoil, message):
    index = photos.with_name("photos.index")
    spoil(index)
    with pytest.raises(UsageError, match=message):
        paths(index)


def test_a_run_that_was_ended_before_it_began_is_no_harm(photos, tmp_path):
    (tmp_path / "new.index").mkdir()
    (tmp_path / "new.index" / "pictures.sqlite").touch()
    with pytest.raises(UsageError, match="holds no index yet"):
        open_index(tmp_path / "new.index")
    assert made_with(tmp_path / "new.index") is None
    assert build(tmp_path / "new.index", photos)[0].added == 10


def test_nothing_of_others_is_written_over(photos, tmp_path):
    with pytest.raises(UsageError, match="holds something else than an index"):
        build(photos, photos)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        build(tmp_path / "file", photos)
    other_program(tmp_path / "photos.index")
    with pytest.raises(UsageError, match="another program"):
        update(photos)
    assert len(list(photos.iterdir())) == 10
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_no_picture_fails_alone(tmp_path):
    given = [42, np.zeros((8, 8, 3), np.uint8), None, {"bytes": b""}]
    with closing(Store(tmp_path / "index", ABOUT)) as store:
        counts = Builder(store, Maker(ABOUT, SQUARE, Means())).build(given)
    assert (counts.added, counts.failed) == (1, 3)
