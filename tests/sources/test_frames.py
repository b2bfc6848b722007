"""Folders and files become a stream of Frames: nothing lost, nothing twice, in order."""

import os
import shutil
import threading

import numpy as np
import pytest
from conftest import IMAGES
from nobody import as_nobody

from sources.frames import MOST_WAITING_BYTES, read_ahead, read_frame, read_frames
from sources.paths import find_images
from sources.pictures import Given
from transforms import Transform

TRANSFORM = Transform(224)
PICTURE = str(IMAGES / "cat.png")


def errors(*inputs):
    return {frame.source: frame.error for frame in read_frames(find_images(inputs), TRANSFORM)}


def test_folder_without_pictures_is_reported(tree):
    tree("p/notes.txt", "p/deep/notes.txt")
    assert list(find_images(["p"])) == ["p"]
    assert errors("p")["p"].startswith("the folder holds no pictures")


def test_folder_that_cannot_be_listed_is_reported_in_its_place(tree):
    tree("p/a.txt", "p/locked/b.png", "p/z.txt")
    shutil.copy(PICTURE, "p/a.png")
    shutil.copy(PICTURE, "p/z.png")
    os.chmod("p/locked", 0)
    with as_nobody():
        found = errors("p", "p/locked")
    os.chmod("p/locked", 0o755)
    assert found == {"p/a.png": "", "p/locked": "the folder cannot be listed: Permission denied", "p/z.png": ""}


def test_broken_links_cost_only_themselves(tree):
    tree("p/x.txt")
    shutil.copy(PICTURE, "p/a.png")
    os.symlink("gone.png", "p/broken.png")
    os.symlink("self.png", "p/self.png")
    found = errors("p")
    assert list(found) == ["p/a.png", "p/broken.png", "p/self.png"]
    assert found["p/a.png"] == ""
    assert found["p/broken.png"] == "no such file"
    assert "Too many levels of symbolic links" in found["p/self.png"]


@pytest.mark.parametrize("name", ["new\nline.png", " .png", "-i.png", "*.png", "~.png", os.fsdecode(b"\xff\xfe.png")])
def test_odd_names(tree, name):
    tree("p/x.txt")
    shutil.copy(PICTURE, f"p/{name}")
    assert errors("p") == {f"p/{name}": ""}


def test_frame_is_the_square_of_the_model():
    frame = read_frame(PICTURE, TRANSFORM)
    assert (frame.source, frame.error) == (PICTURE, "")
    assert frame.square.shape == (224, 224, 3)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_order_is_kept_and_errors_stay_in_their_place(workers):
    paths = [PICTURE, "missing.png", str(IMAGES / "rocket.jpg"), "", "a\0b"] * 9
    frames = list(read_frames(paths, TRANSFORM, workers=workers))
    assert [frame.source for frame in frames] == paths
    assert [bool(frame.error) for frame in frames] == [False, True, False, True, True] * 9
    assert all((frame.square is None) == bool(frame.error) for frame in frames)


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (1, 4), (3, 10)])
def test_look_ahead_is_bounded(workers, ahead):
    asked = 0

    def paths():
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield "missing.png"

    for given, _ in enumerate(read_frames(paths(), TRANSFORM, workers=workers, ahead=ahead), start=1):
        assert asked - given < ahead
    assert asked == given == 1000


def test_pictures_that_wait_are_bounded_in_bytes():
    """Large arrays, as the frames of a video are: few are made before they are wanted."""
    made = []

    def arrays():
        for number in range(40):
            made.append(number)
            yield Given(f"array[{number}]", np.zeros((2500, 2500, 3), np.uint8))

    most = 2 + MOST_WAITING_BYTES // (3 * 2500 * 2500)
    may_read = threading.Semaphore(0)
    frames = read_ahead(arrays(), lambda item: may_read.acquire() and item.source, workers=1, ahead=64)
    threading.Timer(0.5, may_read.release).start()
    assert next(frames) == "array[0]"
    assert len(made) <= most + 1
    may_read.release(40)
    assert list(frames) == [f"array[{number}]" for number in range(1, 40)]


def test_endless_paths_can_be_closed_early():
    def forever():
        while True:
            yield PICTURE

    before = set(threading.enumerate())
    frames = read_frames(forever(), TRANSFORM, workers=2)
    assert not next(frames).error
    frames.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_no_paths_give_no_frames():
    assert list(read_frames([], TRANSFORM)) == []
