"""What the user names becomes a stream of paths: folders, patterns, lists on stdin; sorted, nothing twice."""

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from nobody import as_nobody

from sources import paths
from sources.frames import read_frame
from sources.paths import Search, find_images, is_pattern, search_root, split_paths
from transforms import Transform

PICTURE = str(IMAGES / "cat.png")
MISSING = "no such file, and no picture matches it as a pattern"


def found(*inputs, **options):
    return list(find_images(inputs, **options))


def split(data, separator=b"\n"):
    return list(split_paths(io.BytesIO(data).read, separator))


# ---- folders


def test_folders_are_searched_in_order(tree):
    tree("p/b.png", "p/a/2.jpg", "p/a/10.jpg", "p/c/deep/x.webp", "p/Z.JPG", "p/ü猫.TIFF")
    expected = ["p/Z.JPG", "p/a/10.jpg", "p/a/2.jpg", "p/b.png", "p/c/deep/x.webp", "p/ü猫.TIFF"]
    assert found("p") == expected


def test_inputs_keep_their_order_and_files_need_no_extension(tree):
    tree("p/b.png", "q/a.png", "notes")
    assert found("q", "notes", "missing.png", "p", "q/a.png") == [
        "q/a.png", "notes", "missing.png", "p/b.png", "q/a.png",
    ]  # fmt: skip


def test_hidden_files_and_other_files_are_skipped(tree):
    tree("p/a.png", "p/.b.png", "p/.hidden/c.png", "p/notes.txt", "p/png", "p/a.png.part")
    assert found("p") == ["p/a.png"]


def test_hidden_folder_that_is_named_is_searched(tree):
    tree(".p/a.png")
    assert found(".p") == [".p/a.png"]


def test_links_to_files_count_and_links_to_folders_do_not(tree):
    tree("p/a.png", "other/b.png")
    for target, name in (("a.png", "b.png"), ("../p", "loop"), ("../p", "loop.png"), ("../other", "other")):
        os.symlink(target, f"p/{name}")
    assert found("p") == found("p/*") == found("p/**/*") == found("**/p") == ["p/a.png", "p/b.png"]


def test_link_to_a_folder_that_is_named_is_searched(tree):
    tree("p/a.png")
    os.symlink("p", "link")
    assert found("link", "link/*.png") == ["link/a.png", "link/a.png"]


def test_folder_named_like_a_picture_is_searched(tree):
    tree("p/x.jpg/a.png")
    assert found("p") == found("p/*.jpg") == ["p/x.jpg/a.png"]


@pytest.mark.parametrize("pattern", ["p", "p/**/*.png"])
def test_folders_deeper_than_the_recursion_limit(tree, pattern):
    tree("p/x.txt")
    top = os.getcwd()
    os.chdir("p")
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    shutil.copy(PICTURE, "x.png")
    os.chdir(top)
    frames = {path: read_frame(path, Transform(224)).error for path in find_images(pattern)}
    subprocess.run(["rm", "-r", "p"], check=True)  # pytest's own clean-up would fail at such depth
    assert frames == {"p/" + "d/" * 1100 + "x.png": ""}


def test_excluded_folders_are_not_searched(tree):
    tree("p/a.png", "p/out/b.png", "p/q/out/c.png", "p/output/d.png")
    os.symlink("p/out", "link")
    assert found("p", search=Search(folders=("p/out",))) == ["p/a.png", "p/output/d.png", "p/q/out/c.png"]
    assert found("p/**/*.png", search=Search(folders=("link", "p/../p/q/"))) == ["p/a.png", "p/output/d.png"]


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50, 51, 1000])
def test_names_that_do_not_fit_into_memory_are_sorted_on_disk(tree, monkeypatch, most):
    names = [f"{number * 7919 % 50}{end}.png" for number in range(48) for end in ("", "\n")]
    tree(*(f"p/{name}" for name in names), "p/5/x.png", os.fsdecode(b"p/\xff.png"), "p/é.png")
    expected = found("p")
    assert [path.split("/") for path in expected] == sorted(path.split("/") for path in expected)
    assert len(expected) == len({*names}) + 3
    monkeypatch.setattr(paths, "NAMES_IN_MEMORY", most)
    assert found("p") == expected


# ---- patterns


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["1.png", "b.png"]),
        ("?.png", ["1.png", "b.png"]),
        ("[ab].png", ["b.png"]),
        ("[!ab].png", ["1.png"]),
        ("[0-9].*", ["1.png"]),
        ("B.png", []),
        ("B*", []),
        ("*.PNG", []),
        ("*.Jpg", ["c.Jpg"]),
        ("d/*.jpg", ["d/x.jpg"]),
        ("*/x.jpg", ["d/x.jpg", "e/x.jpg"]),
        ("[de]/*.jpg", ["d/x.jpg", "e/x.jpg"]),
        ("**/x.jpg", ["d/x.jpg", "e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("e/**/*.jpg", ["e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("e/**", ["e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("**/f/**/*.jpg", ["e/f/g/x.jpg", "e/f/x.jpg"]),
        ("**/**/x.jpg", ["d/x.jpg", "e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("**/g/**", ["e/f/g/x.jpg"]),
        ("**/[fg]", ["e/f/g/x.jpg", "e/f/x.jpg"]),
        ("e*", ["e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("e*/", ["e/f/g/x.jpg", "e/f/x.jpg", "e/x.jpg"]),
        ("./*.Jpg", ["c.Jpg"]),
        ("d/../*.Jpg", ["d/../c.Jpg"]),
        ("*.raw", ["n.raw"]),
        ("n*", []),
        (".*.png", [".h.png"]),
        (".h*/*", [".hid/x.png"]),
        ("**/.hid/*.png", [".hid/x.png"]),
        ("**/*.gif", []),
        ("nowhere/*.png", []),
        ("1.png/*.png", []),
        ("b.png/**", []),
    ],
)
def test_pattern(tree, pattern, expected):
    tree("1.png", "b.png", "c.Jpg", "n.raw", "n.txt", ".h.png", ".hid/x.png", "e/.hid/x.gif")
    tree("d/x.jpg", "e/x.jpg", "e/f/x.jpg", "e/f/g/x.jpg")
    assert found(pattern) == (expected or [pattern])
    if expected:
        prefix = "" if ".." in pattern else os.getcwd() + "/"
        assert found(prefix + pattern) == [prefix + path for path in expected]


def test_pattern_that_matches_nothing_is_reported_in_its_place(classify):
    finished = classify("-i", "a.png", "nowhere/*.png", "c.png", "--format", "csv")
    assert [line.split(",")[0] for line in finished.stdout.splitlines()] == ["path", "a.png", "nowhere/*.png", "c.png"]
    assert f"error: nowhere/*.png: {MISSING}\n" in finished.stderr
    assert finished.returncode == 1


def test_names_with_wildcards_that_exist_are_names(tree):
    tree("a[1].png", "a1.png", "b*.png", "bb.png", "x[1]/a.png", "x1/a.png", "x[1]/y?/c.png")
    assert found("a[1].png", "b*.png", "x[1]") == ["a[1].png", "b*.png", "x[1]/a.png", "x[1]/y?/c.png"]
    assert found("x[1]/*.png", "x[1]/y?/*") == ["x[1]/a.png", "x[1]/y?/c.png"]
    assert not is_pattern("x[1]/missing.png")
    assert is_pattern("x[2]/missing.png")


@pytest.mark.parametrize(
    ("pattern", "root"),
    [("*.png", "."), ("**", "."), ("a/b/*/c", "a/b"), ("/*", "/"), ("/a/[bc]/d*", "/a"), ("../*", "..")],
)
def test_search_root_of_a_pattern(pattern, root):
    assert search_root(pattern) == root


def test_folder_under_a_pattern_that_cannot_be_listed_is_reported(tree):
    tree("p/a/1.png", "p/b/2.png", "p/c/3.png")
    os.chmod("p/b", 0)
    with as_nobody():
        answer = found("p/*/*.png")
    os.chmod("p/b", 0o755)
    assert answer == ["p/a/1.png", "p/b", "p/c/3.png"]


# ---- lists of paths


@pytest.mark.parametrize(
    ("data", "separator", "expected"),
    [
        (b"", b"\n", []),
        (b"\n\n\r\n", b"\n", []),
        (b"a\nb", b"\n", ["a", "b"]),
        (b"a\r\nb\r\n", b"\n", ["a", "b"]),
        (b" a \n\n-b\n", b"\n", [" a ", "-b"]),
        (b"a\0b\n", b"\n", ["a\0b"]),
        (b"a\nb\0\0c\r\0", b"\0", ["a\nb", "c\r"]),
        (b"\xfe\xfd\n\xc3\xa9\n", b"\n", [os.fsdecode(b"\xfe\xfd"), "é"]),
        (b"*.png\n[x]\n", b"\n", ["*.png", "[x]"]),
    ],
)
def test_list_of_paths(data, separator, expected):
    assert split(data, separator) == expected
    bytewise = io.BytesIO(data)
    assert list(split_paths(lambda _size: bytewise.read(1), separator)) == expected


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_list_that_windows_has_written(encoding, separator):
    """With NUL as the separator, UTF-16 is only recognised by its mark."""
    marked = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"") if separator == "\0" else b""
    data = marked + separator.join(["p/Grüße.png", "ü", "犬.png", ""]).encode(encoding)
    assert split(data, separator[-1:].encode()) == ["p/Grüße.png", "ü", "犬.png"]
    bytewise = io.BytesIO(data)
    assert list(split_paths(lambda _size: bytewise.read(1), separator[-1:].encode())) == ["p/Grüße.png", "ü", "犬.png"]


def test_line_that_is_too_long_is_one_path_and_takes_no_memory():
    chunks = iter([b"a\n", *[b"x" * 65_536] * 1000, b"\nb\n", b""])
    first, long, last = split_paths(lambda _size: next(chunks))
    assert (first, last) == ("a", "b")
    assert 65_536 <= len(long) <= 2 * 65_536


def piped(data, *options, **keywords):
    """Classify what `data` lists; return the paths and errors of the rows and the exit code."""
    command = [sys.executable, ROOT / "classify_image.py", "--format", "jsonl", *options]
    finished = subprocess.run(command, input=data, capture_output=True, **keywords)
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    return [(row["path"], row["error"].partition(":")[0]) for row in rows], finished.returncode


def test_paths_on_stdin_are_among_the_other_inputs(tree):
    tree("p/a.png", "p/b.png", "x.png", "y.png")
    rows, code = piped(b"p\r\n*.png\nnowhere.png\n\xff.png", "-i", "x.png", "-", "y.png")
    assert rows == [
        ("x.png", "the file is empty"), ("p/a.png", "the file is empty"), ("p/b.png", "the file is empty"),
        ("*.png", MISSING), ("nowhere.png", "no such file"), ("\udcff.png", "no such file"),
        ("y.png", "the file is empty"),
    ]  # fmt: skip
    assert code == 1


def test_null_on_stdin_ends_paths_that_hold_line_ends(tree):
    tree("a\nb.png", "c\r.png")
    rows, _code = piped(b"a\nb.png\0c\r.png\0", "-i", "-", "-0")
    assert rows == [("a\nb.png", "the file is empty"), ("c\r.png", "the file is empty")]


def test_nothing_on_stdin_is_no_error(tree):
    assert piped(b"", "-i", "-") == ([], 0)


def test_closed_stdin_is_a_usage_error():
    command = f"'{sys.executable}' '{ROOT}/classify_image.py' -i - <&-"
    finished = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == "error: --image - reads paths from stdin, which is closed\n"


@pytest.mark.parametrize("null", [(), ("--null",)])
def test_picture_on_stdin_is_a_usage_error(null):
    with open(PICTURE, "rb") as picture:
        command = [sys.executable, "classify_image.py", "-i", "-", *null]
        finished = subprocess.run(command, cwd=ROOT, stdin=picture, capture_output=True, text=True)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: --image - reads a list of paths, and what comes on stdin is a picture")


@pytest.mark.parametrize("path", [PICTURE, "nowhere.png"])
def test_live_stdin_is_answered_before_it_goes_on(path):
    command = [sys.executable, "classify_image.py", "-i", "-", "--format", "jsonl"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, bufsize=1, **pipes) as process:
        for _ in range(3):
            process.stdin.write(f"{path}\n")
            row = json.loads(process.stdout.readline())
            assert (row["path"], bool(row["error"])) == (path, path != PICTURE)
        assert process.communicate()[0] == ""
