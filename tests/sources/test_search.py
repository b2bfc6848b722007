"""What a search leaves out: patterns of names and paths, .nomedia, and folders that systems keep."""

import os
import unicodedata

import pytest
from conftest import IMAGES

from arguments.options import add_input_options
from arguments.parser import ArgumentParser
from arguments.values import search_of
from errors import UsageError
from sources.paths import Search, find_below, find_images, why_no_images

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))


def found(*inputs, exclude=(), **options):
    return list(find_images(inputs, Search(tuple(exclude), **options)))


@pytest.fixture
def photos(tree):
    """A folder with files and folders to leave out."""
    tree("p/a.jpg", "p/b.png", "p/raw/c.jpg", "p/raw/d.png", "p/old/raw/e.jpg", "p/old/raw.jpg", "p/old/new/f.jpg")


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.png", "a.jpg old/new/f.jpg old/raw/e.jpg old/raw.jpg raw/c.jpg"),
        ("raw", "a.jpg b.png old/new/f.jpg old/raw.jpg"),
        ("raw*", "a.jpg b.png old/new/f.jpg"),
        ("raw*/", "a.jpg b.png old/new/f.jpg old/raw.jpg"),
        ("a.jpg/", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg raw/c.jpg raw/d.png"),
        ("RAW", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg raw/c.jpg raw/d.png"),
        ("p/raw", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg"),
        ("./p/raw/", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg"),
        ("/raw", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg"),
        ("old/raw", "a.jpg b.png old/new/f.jpg old/raw.jpg raw/c.jpg raw/d.png"),
        ("**/raw", "a.jpg b.png old/new/f.jpg old/raw.jpg"),
        ("old/**", "a.jpg b.png raw/c.jpg raw/d.png"),
        ("old/*", "a.jpg b.png raw/c.jpg raw/d.png"),
        ("*/*.jpg", "b.png old/new/f.jpg old/raw/e.jpg raw/d.png"),
        ("old/**/*.jpg", "a.jpg b.png raw/c.jpg raw/d.png"),
        ("p", "a.jpg b.png old/new/f.jpg old/raw/e.jpg old/raw.jpg raw/c.jpg raw/d.png"),
        ("[ab].*", "old/new/f.jpg old/raw/e.jpg old/raw.jpg raw/c.jpg raw/d.png"),
    ],
)
def test_pattern_leaves_out_files_and_folders(photos, pattern, left):
    expected = [f"p/{name}" for name in left.split()]
    assert sorted(found("p", exclude=[pattern])) == sorted(expected)
    assert sorted(found("./p/", exclude=[pattern])) == sorted(f"./{path}" for path in expected)


def test_several_patterns_and_patterns_of_inputs(photos):
    assert found("p", exclude=["raw", "old/", "b.*"]) == ["p/a.jpg"]
    assert found("p/**/*.jpg", exclude=["raw"]) == ["p/a.jpg", "p/old/new/f.jpg", "p/old/raw.jpg"]
    assert found("p/*", exclude=["/raw"]) == ["p/a.jpg", "p/b.png", *found("p/old")]


def test_absolute_paths(photos):
    here = os.getcwd()
    assert found(f"{here}/p", exclude=[f"{here}/p/raw"]) == [f"{here}/{path}" for path in found("p", exclude=["/raw"])]
    assert found(f"{here}/p/raw/c.jpg", exclude=[f"{here}/*/raw"]) == []


def test_named_files_are_left_out_too_but_not_the_folder_that_is_named(photos):
    named = ["p/a.jpg", "p/raw/c.jpg", "nowhere.jpg", "../x.png"]
    assert found(*named, exclude=["raw"]) == ["p/a.jpg", "nowhere.jpg", "../x.png"]
    assert found(iter(named), exclude=["*.jpg", ".*"]) == ["../x.png"]
    assert found("p/raw", exclude=["raw"]) == found("p/raw/*", exclude=["raw"]) == ["p/raw/c.jpg", "p/raw/d.png"]


def test_excluded_folder_is_not_entered(photos, monkeypatch):
    entered = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: entered.append(path) or scandir(path))
    found("p", exclude=["old"])
    assert entered == ["p", "p/raw"]


def test_names_match_in_any_unicode_form(tree):
    tree(f"p/{COMPOSED}/1.jpg", f"p/{DECOMPOSED}2.jpg", os.fsdecode(b"p/\xff.jpg"))
    odd = [os.fsdecode(b"p/\xff.jpg")]
    for form in (COMPOSED, DECOMPOSED):
        assert found("p", exclude=[f"{form}*"]) == found("p", exclude=[f"p/{form}*"]) == odd
    assert len(found("p", exclude=odd)) == 2


def test_patterns_below_a_folder_are_relative_to_what_was_named(photos):
    assert list(find_below("p/old", "p", Search(("old/raw",)))) == ["p/old/new/f.jpg", "p/old/raw.jpg"]


@pytest.mark.parametrize("pattern", ["", "/", ".", "//"])
def test_pattern_that_names_nothing_is_refused(pattern):
    with pytest.raises(UsageError, match="excludes nothing"):
        Search((pattern,))


def test_one_string_is_no_tuple_of_patterns():
    with pytest.raises(UsageError, match=r"exclude is '\*.gif'; give a tuple of patterns"):
        Search("*.gif")


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"])
def test_folders_of_systems_are_searched_only_when_they_are_named(tree, name):
    tree("p/a.jpg", f"p/{name}/b.jpg", f"p/q/{name}/b/c.jpg")
    assert found("p") == found("p/**/*.jpg") == ["p/a.jpg"]
    assert found(f"p/{name}") == [f"p/{name}/b.jpg"]
    assert len(found("p", no_ignore=True)) == 3


def test_nomedia_is_respected(tree, monkeypatch):
    tree("p/a.jpg", "p/q/.nomedia", "p/q/b.jpg", "p/q/r/c.jpg", "p/s/d.jpg")
    assert found("p") == found("p/**/*.jpg") == ["p/a.jpg", "p/s/d.jpg"]
    assert found("p", no_ignore=True) == ["p/a.jpg", "p/q/b.jpg", "p/q/r/c.jpg", "p/s/d.jpg"]
    assert found("p/q", "p/q/b.jpg") == ["p/q", "p/q/b.jpg"]
    monkeypatch.setattr("sources.paths.NAMES_IN_MEMORY", 1)
    assert found("p/q") == ["p/q"]


def test_reason_why_a_folder_gives_no_pictures(tree):
    tree("empty/a.txt", "empty/.nomedia", "quiet/.nomedia", "quiet/a.jpg", "p/a.jpg")
    assert why_no_images("empty").startswith("the folder holds no pictures (.jpg, ")
    assert why_no_images("quiet") == (
        "the folder is not searched, for it holds a .nomedia file; --no-ignore searches it"
    )  # fmt: skip
    assert why_no_images("p").startswith("all pictures in the folder are left out: by --exclude")
    assert why_no_images("nowhere") == "the folder cannot be listed: No such file or directory"


# ---- the command line


def parsed(*arguments):
    parser = ArgumentParser("")
    add_input_options(parser)
    parser.add_argument("--labels")
    return parser.parse_intermixed_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "images"),
    [
        (["a", "b"], ["a", "b"]),
        (["-i", "a", "b"], ["a", "b"]),
        (["a", "--labels", "x", "b"], ["a", "b"]),
        (["--labels", "x", "a"], ["a"]),
        (["c", "-i", "a", "--labels", "x", "b", "-i", "d"], ["a", "d", "c", "b"]),
        (["-"], ["-"]),
        (["a", "--", "-b", "--image"], ["a", "-b", "--image"]),
        (["a", "--exclude", "b", "c"], ["a"]),
        (["--exclude", "b", "--", "a"], ["a"]),
        ([], []),
    ],
)
def test_pictures_are_named_with_an_option_or_without(arguments, images):
    assert (parsed(*arguments).image or []) == images


def test_search_of_arguments():
    args = parsed("a", "--exclude", "*.gif", "raw/", "--no-ignore", "--exclude", "raw/", "old")
    assert search_of(args, ["out"]) == Search(("*.gif", "raw/", "old"), ("out",), True)
    assert search_of(parsed("a")) == Search()


def test_classify_image_leaves_out_and_says_why(classify, tmp_path):
    (tmp_path / "quiet").mkdir()
    (tmp_path / "quiet" / ".nomedia").touch()
    (tmp_path / "quiet" / "cat.png").symlink_to(IMAGES / "cat.png")
    finished = classify("images/cat.png", tmp_path, "--exclude", "cat.*", "--format", "csv", "-k", "1")
    assert finished.returncode == 1
    assert len(finished.stdout.splitlines()) == 2
    assert f"error: {tmp_path}: all pictures in the folder are left out" in finished.stderr
    finished = classify(tmp_path / "quiet", "--format", "csv", "-k", 1)
    assert f"error: {tmp_path}/quiet: the folder is not searched, for it holds a .nomedia file" in finished.stderr
    finished = classify("-k", 1, tmp_path, "--no-ignore", "-q")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "tiger_cat" in finished.stdout


@pytest.mark.parametrize("script", ["classify_image.py", "compare_models.py"])
def test_help_and_the_error_show_both_ways_to_name_pictures(run, script):
    assert f"usage: {script} [options] [PATH ...]\n" in run(script, "--help").stdout
    finished = run(script, "--exclude", "*.gif", "photos")
    assert finished.returncode == 2
    assert "no picture given; name files or folders, as in 'photos/ x.jpg', or use --image PATH" in finished.stderr
    assert "--exclude takes all that follows it" in finished.stderr


@pytest.mark.parametrize(
    "script", ["train_classifier.py", "evaluate_classifier.py", "benchmark_models.py", "compare_models.py"]
)
def test_every_script_that_searches_has_the_options(run, script):
    assert {"--exclude", "--no-ignore"} <= set(run(script, "--help").stdout.replace(",", " ").split())


def test_compare_models_takes_paths_without_an_option(run):
    finished = run("compare_models.py", "images", "--exclude", "c*", "-m", "efficientnet_lite0", "--format", "csv")
    assert finished.returncode == 0, finished.stderr
    rows = finished.stdout.splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("images/rocket.jpg")
