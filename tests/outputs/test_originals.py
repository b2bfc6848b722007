"""Copies of pictures that are no files: their names, and that nothing of them is lost or twice there."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from errors import ImageError
from labels import ClassLabel
from outputs.places import place_of
from outputs.sort import SortedOutput
from results import Prediction, Result
from sources import frames
from sources.frames import read_frame, read_frames
from sources.pictures import Given
from transforms import Transform

CAT = (IMAGES / "cat.png").read_bytes()
RED = np.full((30, 40, 3), (200, 30, 30), np.uint8)
TRANSFORM = Transform(32)


def sort(*pictures, option="--copy-to"):
    """Copy pictures as the script does; return the names of what is there then, and their content."""
    output = SortedOutput(option, "out", [], [ClassLabel("0", "cat")])
    for source, picture in pictures:
        frame = read_frame(Given(source, picture), TRANSFORM, keep_given=True)
        output.write(frame, Result(source, (Prediction("0", "cat", 0.9),), frame.error))
    return {path.name: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()}


def encoded(format):
    file = io.BytesIO()
    Image.fromarray(RED).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize(
    ("source", "picture", "name"),
    [
        ("photos.zip/a/cat.png", CAT, "cat.png"),
        ("photos.zip/a/cat.JPG", CAT, "cat.JPG"),
        ("photos.zip/a:b?.png", CAT, "a_b_.png"),
        (f"photos.zip/{'x' * 300}.png", CAT, f"{'x' * 200}.png"),
        ("https://h.example/pictures/my%20cat.png?w=200#top", CAT, "my cat.png"),
        ("https://h.example/img?id=3", encoded("JPEG"), "img.jpg"),
        ("https://h.example/", encoded("WEBP"), "_.webp"),
        ("bytes[0]", encoded("TIFF"), "bytes[0].tiff"),
        ("file[1]", io.BytesIO(CAT), "file[1].png"),
        ("clip.mp4#t=12.480", RED, "clip.mp4#t=12.480.jpg"),
        ("camera:0#t=1.png", RED, "camera_0#t=1.png.jpg"),
        ("image[2]", Image.fromarray(RED), "image[2].jpg"),
    ],
)
def test_names_of_copies(tree, source, picture, name):
    tree()
    ((copied, data),) = sort((source, picture)).items()
    assert copied == name
    if isinstance(picture, bytes):
        assert data == picture
    elif not isinstance(picture, io.BytesIO):
        assert abs(np.asarray(Image.open(io.BytesIO(data)), int) - RED).max() <= 2
        assert Image.open(io.BytesIO(data)).format == "JPEG"


def test_two_of_one_name_are_both_kept_and_a_third_time_neither(tree):
    tree()
    pictures = [("a.zip/1.png", CAT), ("b.zip/1.png", encoded("PNG")), ("clip.mp4#t=1.000", RED)]
    copied = sort(*pictures)
    assert len(copied) == 3
    assert sort(*pictures) == copied


def test_picture_that_cannot_be_encoded_fails_alone(tree):
    tree()
    with pytest.raises(ImageError, match=r"^70000 x 1 pixels cannot be saved as JPEG: "):
        sort(("array[0]", np.zeros((1, 70_000, 3), np.uint8)))
    assert not list(Path("out").rglob("*.jpg"))


def test_link_to_what_is_no_file_is_refused(tree):
    tree()
    with pytest.raises(ImageError, match="it is no file that a link could point to; use --copy-to"):
        sort(("a.zip/1.png", CAT), option="--link-to")


def test_pictures_that_are_files_are_not_kept_for_copies():
    assert read_frame(str(IMAGES / "cat.png"), TRANSFORM, keep_given=True).picture is None
    assert read_frame(Given("a.zip/cat.png", CAT), TRANSFORM, keep_given=True).picture == CAT
    assert read_frame(Given("a.zip/cat.png", CAT), TRANSFORM).picture is None


def test_kept_pictures_are_bounded_by_their_bytes(monkeypatch):
    """Whoever takes frames slowly has few of them waiting."""
    monkeypatch.setattr(frames, "MOST_WAITING_BYTES", 5 * len(CAT))
    taken, goes_on = [], threading.Event()

    def pictures():
        for number in range(40):
            taken.append(number)
            if len(taken) > 20:
                goes_on.set()
            yield Given(f"{number}.png", CAT)

    stream = read_frames(pictures(), TRANSFORM, workers=2, keep_given=True)
    next(stream)
    assert not goes_on.wait(0.5)
    assert sum(1 for _ in stream) == 39


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("photos/a.zip/b/c.png", "a.zip/b/c.png"),
        ("photos/a.zip/b:c?.png", "a.zip/b_c_.png"),
        ("photos/clip.mp4#t=1.000", "clip.mp4#t=1.000"),
        ("https://h.example/../a//b.png?x=1", "h.example/_/a/b-37a7b042c0d5.png"),
        ("photos/odd?.png", "odd?.png"),
    ],
)
def test_copies_mirror_folders_and_what_is_no_file(tree, source, path):
    tree("photos/odd?.png")
    assert place_of(source, os.path.abspath("photos")) == Path(path)
