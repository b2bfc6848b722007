"""Files are written whole or not at all, in whatever state the one before left the folder."""

import hashlib
import os

import pytest
from nobody import as_nobody

from files import scratch, sha256_of, write_whole, written_whole


def make_file(path):
    path.write_text("new")


def make_folder(path):
    path.mkdir()
    (path / "file").write_text("new")


MAKERS = pytest.mark.parametrize("make", [make_file, make_folder])


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@MAKERS
def test_is_there_only_when_it_is_whole(tmp_path, make):
    with written_whole(tmp_path / "it") as unfinished:
        make(unfinished)
        assert not (tmp_path / "it").exists()
    make(tmp_path / "expected")
    assert names(tmp_path / "it") == names(tmp_path / "expected")
    assert sorted(os.listdir(tmp_path)) == ["expected", "it"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@MAKERS
def test_error_leaves_what_was_there(tmp_path, make, error):
    def fail():
        with written_whole(tmp_path / "it") as unfinished:
            make(unfinished)
            raise error

    (tmp_path / "it").write_text("old")
    with pytest.raises(error):
        fail()
    assert (tmp_path / "it").read_text() == "old"
    assert names(tmp_path) == ["it"]


@MAKERS
@pytest.mark.parametrize("left", [make_file, make_folder])
def test_what_a_killed_process_left_is_replaced(tmp_path, make, left):
    left(tmp_path / ".unfinished-it")
    with written_whole(tmp_path / "it") as unfinished:
        assert not unfinished.exists()
        make(unfinished)
    assert not unfinished.exists()


def test_link_that_was_left_is_not_followed(tmp_path):
    make_folder(tmp_path / "mine")
    (tmp_path / ".unfinished-it").symlink_to(tmp_path / "mine")
    write_whole(tmp_path / "it", "new")
    assert names(tmp_path) == ["it", "mine", "mine/file"]


def test_scratch_is_gone_at_the_end(tmp_path):
    with scratch(tmp_path / "it") as path:
        make_folder(path)
    assert names(tmp_path) == []


def test_text_is_the_same_bytes_everywhere(tmp_path):
    write_whole(tmp_path / "é\n.txt", "é\n")
    assert (tmp_path / "é\n.txt").read_bytes() == b"\xc3\xa9\n"


def test_folder_that_cannot_be_written_is_an_os_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("locked", 0o555)
    tmp_path.chmod(0o755)
    with as_nobody(), pytest.raises(PermissionError):
        write_whole(tmp_path / "locked" / "it", "new")
    assert names(tmp_path) == ["locked"]


def test_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "it").write_bytes(bytes(range(256)))
    assert sha256_of(tmp_path / "it") == hashlib.sha256(bytes(range(256))).hexdigest()
