"""--copy-to and --link-to: a folder for each best label, and nothing overwritten or lost."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import IMAGES
from nobody import as_nobody

from errors import ImageError, UsageError
from labels import ClassLabel, read_labels
from outputs.sort import SortedOutput, folder_names
from results import Prediction, Result
from sources.frames import Frame

LABELS = (ClassLabel("0", "cat"), ClassLabel("1", "dog"))
OPTIONS = ("--copy-to", "--link-to")
COFFEE = IMAGES / "coffee.png"


def sort(option, *results, folder="out", inputs=("in",), labels=LABELS):
    output = SortedOutput(option, folder, inputs, labels)
    for result in results:
        write(output, result)


def write(output, result):
    output.write(Frame(result.source), result)


def a(label, source):
    known = {name: Prediction(class_id, name, 0.9) for class_id, name in LABELS}
    return Result(source, (known[label],) if label else ())


def files(folder="out"):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if not path.is_dir())


def content(path):
    return Path(path).read_text()


@pytest.fixture
def texts(tree):
    """Files whose content is their path: what is copied need not be a picture."""

    def make(*names):
        tree(*names)
        for name in names:
            Path(name).write_text(name, errors="surrogateescape")

    return make


@pytest.mark.parametrize("option", OPTIONS)
def test_each_picture_goes_to_the_folder_of_its_best_label(texts, option):
    texts("in/1.png", "in/deep/2.png", "in/3.png", "in/4.png")
    failed = Result("in/4.png", error="damaged")
    sort(option, a("cat", "in/1.png"), a("dog", "in/deep/2.png"), a("", "in/3.png"), failed)
    assert files() == ["cat/1.png", "dog/2.png", "unsure/3.png"]
    assert content("out/dog/2.png") == "in/deep/2.png"
    assert os.path.islink("out/cat/1.png") == (option == "--link-to")


@pytest.mark.parametrize("option", OPTIONS)
def test_pictures_of_one_name_from_several_folders_are_all_kept(texts, option):
    names = ["in/a/1.png", "in/b/1.png", "in/c/1.png"]
    texts(*names)
    for name in names:
        os.utime(name, (1e9, 1e9))  # of one size, too: only their contents tell them apart
    sort(option, *(a("cat", name) for name in names))
    found = files("out/cat")
    assert len(found) == 3
    assert all(name.startswith("1") and name.endswith(".png") for name in found)
    assert sorted(content(f"out/cat/{name}") for name in found) == names


@pytest.mark.parametrize("option", OPTIONS)
def test_same_picture_again_is_not_there_twice(texts, option):
    names = ["in/a/1.png", "in/b/1.png"]
    texts(*names)
    for given in (names, names, names[::-1], [os.path.abspath(name) for name in names]):
        sort(option, *(a("cat", name) for name in given))
    assert len(files()) == 2


@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_there_is_never_overwritten(texts, option):
    texts("in/1.png", "out/cat/1.png")
    os.mkdir("out/dog")
    os.symlink("gone.png", "out/dog/1.png")
    sort(option, a("cat", "in/1.png"), a("dog", "in/1.png"))
    assert content("out/cat/1.png") == "out/cat/1.png"
    assert os.readlink("out/dog/1.png") == "gone.png"
    assert len(files()) == 4
    assert not os.path.exists("gone.png")


@pytest.mark.parametrize("option", OPTIONS)
def test_picture_without_a_free_name_is_an_image_error(texts, option):
    texts("in/1.png", "out/cat/1.png")
    sort(option, a("cat", "in/1.png"))
    other = next(path for path in Path("out/cat").iterdir() if path.name != "1.png")
    other.unlink()
    other.write_text("mine")
    with pytest.raises(ImageError, match="is another picture"):
        sort(option, a("cat", "in/1.png"))
    assert content(other) == "mine"


def test_copy_follows_links_and_keeps_the_time_and_link_points_at_the_picture(texts):
    texts("in/1.png")
    os.utime("in/1.png", (1e9, 1e9))
    os.symlink("1.png", "in/2.png")
    sort("--copy-to", a("cat", "in/2.png"))
    assert not os.path.islink("out/cat/2.png")
    assert os.path.getmtime("out/cat/2.png") == 1e9
    sort("--link-to", a("dog", "in/1.png"))
    assert os.readlink("out/dog/1.png") == os.path.abspath("in/1.png")


@pytest.mark.parametrize("name", ["ü猫.png", "new\nline.png", "-x.png", ".png", "x", os.fsdecode(b"\xff.png")])
def test_odd_names(texts, name):
    texts(f"in/{name}", f"in/b/{name}")
    for option in OPTIONS:
        sort(option, a("cat", f"in/{name}"), a("cat", f"in/b/{name}"), folder=f"out{option}")
        assert name in os.listdir(f"out{option}/cat")
        assert len(files(f"out{option}")) == 2


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "猫" * 83 + ".png"])
def test_longest_names_of_two_pictures(texts, name):
    texts(f"in/{name}", f"in/b/{name}")
    sort("--copy-to", a("cat", f"in/{name}"), a("cat", f"in/b/{name}"))
    assert sorted(content(f"out/{path}") for path in files()) == [f"in/b/{name}", f"in/{name}"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["cat", "hot dog", "Kätzchen", "猫"], ["cat", "hot dog", "Kätzchen", "猫"]),
        (["a/b", "../../etc", "..", ".", "\\\\server\\x"], ["a_b", "_.._etc", "__2", "__3", "__server_x"]),
        (["CON", "nul", "x.", ".hidden", "a:b*?", "tab\there"], ["CON_", "nul_", "x", "hidden", "a_b__", "tab_here"]),
        (["crane", "crane", "cat"], ["crane_0", "crane_1", "cat"]),
        (["cat", "Cat", "unsure", "UNSURE"], ["cat_0", "Cat_1", "unsure_2", "UNSURE_3"]),
        (["unsure", "dog"], ["unsure_0", "dog"]),
        (["a", "a", "a_1"], ["a_0", "a_1_", "a_1"]),
        (["a/b", "a:b"], ["a_b_0", "a_b_1"]),
    ],
)
def test_labels_that_are_not_names_of_files(labels, expected):
    names = list(folder_names([ClassLabel(str(index), label) for index, label in enumerate(labels)]).values())
    assert len({name.casefold() for name in (*names, "unsure")}) == len(labels) + 1
    assert names == expected


@pytest.mark.parametrize("letter", ["x", "é", "猫"])
def test_long_labels_have_folders_of_their_own(tmp_path, letter):
    names = folder_names([ClassLabel(str(index), letter * 300 + str(index)) for index in range(3)])
    for name in names.values():
        (tmp_path / name).mkdir()
    assert len(os.listdir(tmp_path)) == 3


def test_every_class_of_imagenet_has_a_folder_of_its_own():
    labels = read_labels()
    names = folder_names(labels)
    assert len({name.casefold() for name in names.values()}) == len(labels) == 1000
    assert {name for label, name in names.items() if label.label == "crane"} == {"crane_n02012849", "crane_n03126707"}
    assert [name for label, name in names.items() if name != label.label and label.class_id not in name] == []


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("folder", "inputs"),
    [("in", ["in"]), (".", ["in/1.png"]), ("in", ["x.png", "in/1.png"]), ("in/../in/", ["in/"]), ("link", ["in"])],
)
def test_folder_that_holds_an_input_is_refused(texts, option, folder, inputs):
    texts("in/1.png")
    os.symlink("in", "link")
    with pytest.raises(UsageError, match=f"{option} {folder} holds the input in"):
        SortedOutput(option, folder, inputs, LABELS)


@pytest.mark.parametrize("name", ["locked/out", "file", "file/out"])
def test_folder_that_cannot_be_written(texts, name):
    texts("file")
    os.mkdir("locked", 0o555)
    with as_nobody(), pytest.raises(UsageError, match=f"cannot write to --copy-to {name}: "):
        SortedOutput("--copy-to", name, ["in"], LABELS)


@pytest.mark.parametrize("option", OPTIONS)
def test_locked_folder_of_one_label_costs_its_pictures_only(texts, option):
    texts("in/1.png")
    os.makedirs("out/cat")
    os.chmod("out", 0o777)
    os.chmod("out/cat", 0o555)
    with as_nobody():
        output = SortedOutput(option, "out", ["in"], LABELS)
        with pytest.raises(ImageError, match=r"cannot save out/cat/1\.png: Permission denied"):
            write(output, a("cat", "in/1.png"))
        write(output, a("dog", "in/1.png"))
    del output
    assert files() == ["dog/1.png"]


@pytest.mark.parametrize("other", [(), ("out/cat/1.png",)])
def test_picture_that_has_gone_is_an_image_error(texts, other):
    texts("in/2.png", *other)
    with pytest.raises(ImageError, match="No such file"):
        sort("--copy-to", a("cat", "in/1.png"))
    assert files() == [path.removeprefix("out/") for path in other]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_full_disk_ends_the_run_and_leaves_no_half_copy(texts, monkeypatch):
    texts("in/1.png")
    output = SortedOutput("--copy-to", "out", ["in"], LABELS)
    monkeypatch.setattr(shutil, "copyfile", lambda source, _target, **_: copy_into_full(source))
    with pytest.raises(UsageError, match="No space left on device"):
        write(output, a("cat", "in/1.png"))
    del output
    assert files() == []


def copy_into_full(source):
    with open("/dev/full", "w") as full:
        full.write(content(source))


# ---- the command


def test_folder_inside_the_searched_one_is_not_searched(classify, tmp_path):
    for name in ("1.png", "2.png"):
        shutil.copy(COFFEE, tmp_path / name)
    (tmp_path / "bad.png").touch()
    for image in (tmp_path, f"{tmp_path}/**/*.png"):
        finished = classify("-i", image, "--copy-to", tmp_path / "out", "--link-to", tmp_path / "links", "-k", 1)
        assert (finished.stdout.count("espresso: "), finished.stderr.count("error: ")) == (2, 1)
    assert files(tmp_path / "out") == files(tmp_path / "links") == ["espresso/1.png", "espresso/2.png"]


def test_pictures_below_the_threshold_are_unsure(classify, tmp_path):
    finished = classify("-i", COFFEE, "--threshold", 0.999, "--copy-to", tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert files(tmp_path) == ["unsure/coffee.png"]


@pytest.mark.parametrize(("folder", "pattern"), [(".", "*.md"), ("images", "images/*"), ("", "images/*")])
def test_folder_around_a_pattern_is_refused(classify, folder, pattern):
    finished = classify("-i", pattern, "--copy-to", folder)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"--copy-to {folder} holds the input" in finished.stderr


def test_picture_that_cannot_be_sorted_fails_and_has_its_answer(classify, tmp_path):
    (tmp_path / "espresso").touch()
    finished = classify("-i", COFFEE, "--copy-to", tmp_path)
    assert finished.stdout.startswith("1. espresso")
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"error: {COFFEE}: cannot save {tmp_path}/espresso/coffee.png: ")
