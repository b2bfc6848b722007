"""Which frames of a video are meant, and what a folder run says of files that are no pictures."""

from collections import Counter

import pytest

from decoding.formats import IMAGE_SUFFIXES
from errors import UsageError
from sources.paths import Search
from sources.pictures import find_pictures
from sources.sampling import Sampling, parse_sampling


def test_folder_is_a_folder_whatever_its_name(tree):
    tree("old.zip/a.jpg", "clip.mp4/b.jpg")
    assert list(find_pictures(["old.zip", "clip.mp4"])) == ["old.zip/a.jpg", "clip.mp4/b.jpg"]


@pytest.mark.parametrize(
    ("text", "sampling"),
    [
        ("1s", Sampling(seconds=1)),
        ("0.04s", Sampling(seconds=0.04)),
        ("30", Sampling(frames=30)),
        (30, Sampling(frames=30)),
        ("scene", Sampling(scenes=True)),
    ],
)
def test_which_frames(text, sampling):
    assert parse_sampling(text) == sampling


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "1.5", "nan", "infs", "1m", "scenes", "1e9s", "s", "²"])
def test_what_says_no_frames(text):
    with pytest.raises(UsageError, match="is not a time such as 1s"):
        parse_sampling(text)


def test_every_kind_of_picture_in_a_folder_is_found(tree):
    names = sorted(f"p/a{suffix.upper()}" for suffix in IMAGE_SUFFIXES)
    tree(*names)
    assert sorted(find_pictures("p")) == names


def test_what_is_no_picture_is_counted(tree):
    tree(
        "p/a.jpg", "p/b.mov", "p/c/d.MOV", "p/c/e.pdf", "p/readme", "p/.hidden", "p/Thumbs.db", "p/x/f.gif", "p/y/g.txt"
    )
    tree("p/q/.nomedia", "p/q/h.pdf")
    left_out = Counter()
    list(find_pictures("p", Search(exclude=("*.gif", "y/")), left_out))
    assert left_out == {".mov": 2, ".pdf": 1, "of other names": 1}


def test_summary_says_what_was_no_picture(run, tree, tmp_path):
    tree("p/clip.mov", "p/other.mov", "p/text.pdf")
    (tmp_path / "p" / "cat.png").write_bytes(b"")
    finished = run("classify_image.py", "--image", tmp_path / "p")
    assert finished.stderr.splitlines()[-1].endswith("; left out: 2 .mov, 1 .pdf")
