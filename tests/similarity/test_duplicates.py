"""find_similar.py --duplicates: levels, groups, the best of each, folders for review."""

import csv
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES
from indexes import ABOUT, build, make_pictures
from PIL import Image, ImageOps

from console.text import bytes_as_text
from errors import UsageError
from preprocess import read_image
from similarity import Picture, open_index
from similarity.duplicates import Member, describe, find_groups, write_rows
from similarity.review import Review, check_review
from similarity.store import Store

LEVELS = {  # of copies, beside best.png
    "copy.png": "same content",
    "quality.jpg": "same picture",
    "half.jpg": "same picture",
    "turned.jpg": "same picture",
    "mirrored.jpg": "very similar",
    "grey.jpg": "very similar",
    "cropped.jpg": "very similar",
}


def fill(folder: Path, photo: Path) -> None:
    """Make copies of a photo, one for each of LEVELS."""
    folder.mkdir(parents=True)
    image = read_image(photo)
    width, height = image.size
    exif = Image.Exif()
    exif[0x0112] = 6
    shutil.copy(photo, folder / "best.png")
    shutil.copy(photo, folder / "copy.png")
    image.save(folder / "quality.jpg", quality=30)
    image.resize((width // 2, height // 2)).save(folder / "half.jpg")
    image.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif)
    ImageOps.mirror(image).save(folder / "mirrored.jpg")
    image.convert("L").save(folder / "grey.jpg")
    image.crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10)).save(folder / "cropped.jpg")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Copies of two photos in a folder each, and two photos without any."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("cat", "coffee"):
        fill(folder / name, IMAGES / f"{name}.png")
    for name in ("astronaut", "rocket", "camera", "chelsea"):
        if (IMAGES / f"{name}.png").exists():
            shutil.copy(IMAGES / f"{name}.png", folder)
    return folder


@pytest.fixture(scope="module")
def found(run, photos, tmp_path_factory):
    """A run over all of them, and its index."""
    index = tmp_path_factory.mktemp("index") / "photos.index"
    output = index.with_name("duplicates.csv")
    finished = run("find_similar.py", "--image", photos, "--index", index, "--duplicates", "-o", output)
    assert finished.returncode == 0, finished.stderr
    return finished, index, output


@pytest.fixture
def index(found):
    with open_index(found[1]) as opened:
        yield opened


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_copy_is_found_at_its_level(found, photos):
    finished, _index, output = found
    rows = rows_of(output.read_text())
    assert list(rows[0]) == ["group", "level", "path", "similarity", "best"]
    for number, name in enumerate(("cat", "coffee"), start=1):
        own = [row for row in rows if row["group"] == str(number)]
        best = own[0]
        assert Path(best["path"]).stem in ("best", "copy")
        assert (best["level"], float(best["similarity"])) == ("same content", 1)
        assert [row["best"] for row in own] == ["yes"] + ["no"] * len(LEVELS)
        levels = {Path(row["path"]).name: row["level"] for row in own[1:]}
        assert levels.pop("copy.png" if "best" in best["path"] else "best.png") == "same content"
        assert levels.items() <= LEVELS.items()
        assert {Path(row["path"]).parent for row in own} == {photos / name}
    assert len(rows) == 2 * (len(LEVELS) + 1)
    assert "2 groups; beside the best of each: 2 same content, 6 same picture, 6 very similar; " in finished.stderr


@pytest.mark.parametrize(("level", "count"), [("same-content", 2), ("same-picture", 5), ("very-similar", 8)])
def test_level_says_what_counts(index, level, count):
    assert [len(group) for group in find_groups(index, level=level)] == [count, count]


def test_a_high_threshold_leaves_what_pixels_tell(index):
    assert [len(group) for group in find_groups(index, threshold=1.0)] == [8, 8]


def test_vectors_that_say_nothing_leave_what_pixels_tell(index):
    vectors = np.random.default_rng(0).normal(size=index.vectors.shape)
    index.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    assert [len(group) for group in find_groups(index, level="same-picture")] == [5, 5]


def test_the_best_is_the_largest_and_then_the_least_compressed(run, tmp_path):
    image = read_image(IMAGES / "cat.png").resize((200, 150))
    for name, size, quality in (("a.jpg", (200, 150), 40), ("b.jpg", (200, 150), 95), ("c.jpg", (100, 75), 95)):
        image.resize(size).save(tmp_path / name, quality=quality)
    finished = run("find_similar.py", "--image", tmp_path, "--duplicates", "--level", "same-picture")
    lines = finished.stdout.splitlines()
    assert lines[0] == "group 1: 3 pictures"
    size = bytes_as_text((tmp_path / "b.jpg").stat().st_size)
    assert lines[1] == f"  {tmp_path}/b.jpg: best (200 x 150, {size})"
    assert ": same picture, " in lines[2]


def test_against_finds_what_is_on_both_sides(run, found, photos, tmp_path):
    shutil.copy(photos / "cat" / "half.jpg", tmp_path / "leak.jpg")
    shutil.copy(photos / "coffee" / "half.jpg", tmp_path / "leak.jpg.txt")
    command = ["--index", found[1], "--against", tmp_path, "--duplicates", "--format", "jsonl", "--quiet"]
    finished = run("find_similar.py", *command)
    assert finished.returncode == 0, finished.stderr
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {row["group"] for row in rows} == {1}
    assert {Path(row["path"]).name for row in rows} == {"best.png", *LEVELS, "leak.jpg"}
    assert [row["best"] for row in rows] == [True] + [False] * len(LEVELS) + [False]


def test_a_folder_is_no_duplicate_of_itself(index):
    assert find_groups(index, index) == []


def test_a_file_counts_once_whatever_links_lead_to_it(tmp_path):
    make_pictures(tmp_path / "b", "copy.png", "other.png")
    (tmp_path / "a").symlink_to("b")
    build(tmp_path / "index", tmp_path / "a", tmp_path / "b")
    build(tmp_path / "against", tmp_path / "a")
    with open_index(tmp_path / "index") as index, open_index(tmp_path / "against") as other:
        assert len(index) == 4
        assert find_groups(index, level="same-picture") == []
        assert len(find_groups(index, other, "same-picture")) == 2
    shutil.copy(tmp_path / "b" / "copy.png", tmp_path / "b" / "copy2.png")
    build(tmp_path / "index", tmp_path / "a", tmp_path / "b")
    with open_index(tmp_path / "index") as index:
        (group,) = find_groups(index, level="same-picture")
        assert [member.picture.path for member in group] == [f"{tmp_path}/b/copy.png", f"{tmp_path}/b/copy2.png"]


def test_an_index_may_be_empty(index, tmp_path):
    Store(tmp_path / "empty", index.made_with).close()
    with open_index(tmp_path / "empty") as empty:
        assert find_groups(empty) == find_groups(index, empty) == find_groups(empty, index) == []


def test_against_takes_what_the_same_model_made(run, found, tmp_path):
    Store(tmp_path / "other", {**ABOUT, "model": "other"}).close()
    finished = run("find_similar.py", "--index", found[1], "--against", tmp_path / "other", "--duplicates")
    assert finished.returncode == 2
    assert f"the index {tmp_path}/other was made by other" in finished.stderr
    finished = run("find_similar.py", "--index", found[1], "--against", found[1], IMAGES, "--duplicates")
    assert (finished.returncode, "one index alone" in finished.stderr) == (2, True)


@pytest.mark.parametrize(("copy_to", "link_to"), [("review", None), (None, "review")])
def test_each_group_has_a_folder_for_review(index, tmp_path, monkeypatch, copy_to, link_to):
    monkeypatch.chdir(tmp_path)
    groups = find_groups(index, level="same-content")
    review = Review(copy_to, link_to, [])
    for number, group in enumerate(groups, start=1):
        review.put(number, group)
    assert review.failed == 0
    paths = sorted(str(path) for path in Path("review").rglob("*.png"))
    assert [Path(path).parent.name for path in paths] == ["000001"] * 2 + ["000002"] * 2
    assert [Path(path).name.startswith("best_") for path in paths] == [True, False] * 2
    assert all(os.path.islink(path) == bool(link_to) for path in paths)
    with pytest.raises(UsageError, match=r"review is not empty; give a folder of its own"):
        Review(copy_to, link_to, [])


def test_copies_and_links_go_to_two_folders(tmp_path):
    with pytest.raises(UsageError, match=r"--copy-to and --link-to are both .*; give two folders"):
        check_review(str(tmp_path / "review"), f"{tmp_path}/./review")


def test_pictures_of_an_archive_are_copied_and_not_linked(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    shutil.make_archive("cat", "zip", IMAGES)
    review = Review("copies", "links", [])
    review.put(1, [Member(Picture("cat.zip/cat.png", 1, 0, "", 1, 1, "png"), "same-content", 1.0, is_best=True)])
    assert review.failed == 1
    assert "is no file that a link could point to" in caplog.text
    assert Path("copies/000001/best_cat.png").read_bytes() == (IMAGES / "cat.png").read_bytes()


def test_the_name_of_the_best_may_be_the_longest_that_there_is(tmp_path):
    shutil.copy(IMAGES / "cat.png", longest := tmp_path / f"{'x' * 251}.png")
    review = Review(str(tmp_path / "copies"), None, [])
    review.put(1, [Member(Picture(str(longest), 1, 0, "", 1, 1, "png"), "same-content", 1.0, is_best=True)])
    assert review.failed == 0
    assert len(list(tmp_path.glob("copies/000001/best_xxx*.png"))) == 1


def test_no_duplicates_are_no_rows():
    file = io.StringIO()
    write_rows([], file, "csv")
    assert file.getvalue() == "group,level,path,similarity,best\n"
    assert describe([]) == "no duplicates"


def test_review_and_output_are_checked_before_anything_is_computed(run, photos, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.txt").touch()
    command = ["--image", photos, "--duplicates", "--copy-to", tmp_path / "there", "--index", tmp_path / "index"]
    finished = run("find_similar.py", *command)
    assert finished.returncode == 2
    assert "is not empty" in finished.stderr
    assert not (tmp_path / "index").exists()
