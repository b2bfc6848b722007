"""The folder for copies: several runs may fill it at once, nothing is overwritten, and nothing is left behind."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT

from errors import ImageError
from outputs import copies
from outputs.copies import CopiesFolder

MEMORY = Path("/dev/shm")  # another file system


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(folder):
    return CopiesFolder("--copy-to", str(folder), [])


def write(text):
    return lambda path: path.write_text(text)


def names(folder):
    """Return what is in a folder, without the places for what is unfinished."""
    paths = [path for path in folder.rglob("*") if ".unfinished" not in str(path)]
    return sorted(str(path.relative_to(folder)) for path in paths)


def test_saved_with_the_folders_around_it(run, folder):
    assert run.save(folder / "a" / "b.png", "b.png", write("content"))
    assert (folder / "a" / "b.png").read_text() == "content"


def test_nothing_is_overwritten_that_another_run_saves_meanwhile(run, folder):
    other = CopiesFolder("--copy-to", str(folder), [])

    def make(path):
        path.write_text("mine")
        other.save(folder / "b.png", "other/b.png", write("other"))

    assert not run.save(folder / "b.png", "b.png", make)
    assert (folder / "b.png").read_text() == "other"
    assert not run.link(folder / "b.png", "b.png")
    assert run.save(folder / "b.png", "b.png", write("mine"), overwrite=True)
    assert (folder / "b.png").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_hard_links(run, folder, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(copies.os, "link", refuse)
    assert run.save(folder / "b.png", "b.png", write("mine"))
    assert not run.save(folder / "b.png", "b.png", write("other"))
    assert (folder / "b.png").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_part_on_another_disk(run, folder, overwrite):
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == folder.stat().st_dev:
        pytest.skip("there is no other file system")
    with tempfile.TemporaryDirectory(dir=MEMORY) as elsewhere:
        (folder / "a").symlink_to(elsewhere)
        assert run.save(folder / "a" / "b.png", "b.png", write("content"), overwrite)
        assert os.listdir(elsewhere) == ["b.png"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_picture_that_cannot_be_saved_leaves_nothing(run, folder, error):
    def fail(path):
        path.write_text("half")
        raise error

    with pytest.raises((ImageError, KeyboardInterrupt)):
        run.save(folder / "a" / "b.png", "b.png", fail)
    assert names(folder) == []


def test_nothing_is_left_by_a_run_that_ends(folder):
    run = CopiesFolder("--copy-to", str(folder), [])
    run.save(folder / "b.png", "b.png", write("content"))
    del run
    assert os.listdir(folder) == ["b.png"]


KILLED = """
import os, signal, sys
from outputs.copies import CopiesFolder
run = CopiesFolder("--copy-to", sys.argv[1], [])
def make(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
run.save(run.path / "b.png", "b.png", make)
"""


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not(run, folder):
    (living,) = os.listdir(folder)
    killed = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(folder)) == 2
    CopiesFolder("--copy-to", str(folder), [])
    assert os.listdir(folder) == [living]
    assert run.save(folder / "b.png", "b.png", write("content"))


@pytest.mark.parametrize("name", ["mine.txt", "content.png"])
def test_what_is_not_of_a_run_stays(folder, name):
    mine = folder / ".unfinished-copies-mine"
    mine.mkdir(parents=True)
    (mine / "content").touch()
    (mine / name).touch()
    (folder / ".unfinished-copies-file").touch()
    CopiesFolder("--copy-to", str(folder), [])
    assert sorted(os.listdir(mine)) == sorted(["content", name])
    assert len(os.listdir(folder)) == 2
