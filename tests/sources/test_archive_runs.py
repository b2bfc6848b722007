"""Archives on the command line, and files in archives that are named themselves."""

from collections import Counter

import pytest
from conftest import IMAGES, ROOT
from packing import CAT, COFFEE, pack

from preprocess import open_file, read_image
from sources.archives import find_members
from sources.frames import read_frames
from sources.named import Kind, kind_of
from sources.pictures import find_pictures, source_of
from sources.search import Search
from transforms import Transform

NAMES = ("a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "A.ZIP")


def rows(*names):
    return [(frame.source, frame.error) for frame in read_frames(find_pictures(names), Transform(32))]


@pytest.mark.parametrize("name", NAMES)
def test_member_is_read_by_its_name(tree, name):
    tree()
    pack(name, [("p/a.png", CAT), ("b.png", COFFEE)])
    assert kind_of(f"{name}/p/a.png") is Kind.ARCHIVE
    assert rows(f"{name}/b.png", f"{name}/p/a.png") == [(f"{name}/b.png", ""), (f"{name}/p/a.png", "")]
    assert rows(f"{name}/c.png") == [(f"{name}/c.png", f"{name} holds no such file")]
    assert read_image(f"{name}/b.png").size == read_image(IMAGES / "coffee.png").size


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_member_over_the_limit_is_not_read_by_its_name(tree, name):
    tree()
    pack(name, [("a.png", CAT)])
    for max_bytes in (len(CAT) - 1, len(CAT)):
        (frame,) = read_frames(find_pictures([f"{name}/a.png"], Search(max_bytes=max_bytes)), Transform(32))
        assert ("over the limit" in frame.error) == (max_bytes < len(CAT))


@pytest.mark.parametrize(("name", "is_read"), [("a.zip", False), ("a.tar", False), ("a.tar.gz", True)])
def test_what_is_skipped_is_read_only_where_it_must_be(tree, name, is_read):
    tree()
    pack(name, [("a.png", CAT), ("b.png", CAT)])
    assert [isinstance(given.picture, bytes) for given in find_members(name)] == [is_read] * 2


def test_member_of_an_archive_that_has_changed_is_the_new_one(tree):
    tree()
    for data in (CAT, COFFEE):
        pack("a.zip", [("a.png", data)])
        assert open_file("a.zip/a.png").read() == data


def test_folder_that_is_called_as_an_archive_is_a_folder(tree):
    tree("a.zip/b.png", "a.zip/c.txt")
    (tree() / "a.zip/b.png").write_bytes(CAT)
    assert rows("a.zip", "a.zip/b.png") == 2 * [("a.zip/b.png", "")]


def test_archives_in_folders_are_counted_and_not_opened(tree):
    tree("p/a.png")
    pack("p/a.zip", [("a.png", CAT)])
    left_out = Counter()
    assert [source_of(item) for item in find_pictures("p", left_out=left_out)] == ["p/a.png"]
    assert left_out == {".zip": 1}


def test_archive_that_is_not_read_to_its_end_is_closed(tree):
    tree()
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        pack(name, [("a.png", CAT), ("b.png", CAT)])
        assert next(find_members(name)).source == f"{name}/a.png"  # a ResourceWarning would fail the test


# ---- the command


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_command_writes_rows_and_copies_and_goes_on(run, tree, name):
    folder = tree()
    pack(name, [("p/cat.png", CAT), ("q/cat.png", COFFEE), ("x.txt", b"")])
    command = ["tests/quick_classify.py", "-i", folder / name, "-o", folder / "r.csv", "--copy-to", folder / "out"]
    finished = run(*command, "--annotate", folder / "drawn", PYTHONPATH=str(ROOT))
    assert (finished.returncode, finished.stderr.count("left out: 1 .txt")) == (0, 1)
    table = (folder / "r.csv").read_text()
    (folder / "r.csv").write_text("".join(table.splitlines(keepends=True)[:2]))
    assert "(1 rows are from before)" in run(*command, "--resume", PYTHONPATH=str(ROOT)).stderr
    assert (folder / "r.csv").read_text() == table
    assert sorted(path.read_bytes() for path in (folder / "out").rglob("*.png")) == sorted([CAT, COFFEE])
    assert sorted(path.parent.name for path in (folder / "drawn" / name).rglob("cat.png")) == ["p", "q"]


def test_link_to_what_is_no_file_fails(run, tree):
    folder = tree()
    pack("a.zip", [("cat.png", CAT)])
    finished = run("tests/quick_classify.py", folder / "a.zip", "--link-to", folder / "links", PYTHONPATH=str(ROOT))
    assert finished.returncode == 1
    assert "a.zip/cat.png: not sorted: it is no file that a link could point to; use --copy-to" in finished.stderr


def test_commands_take_archives_and_members(classify, run, tree):
    folder = tree()
    pack("a.zip", [("p/cat.png", CAT), ("coffee.png", COFFEE)])
    assert "1. espresso" in classify(folder / "a.zip" / "coffee.png").stdout
    compared = run("compare_models.py", folder / "a.zip", "--model", "efficientnet_lite0")
    assert (compared.returncode, compared.stdout.count("espresso")) == (0, 1)
