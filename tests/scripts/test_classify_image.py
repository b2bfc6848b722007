"""classify_image.py as a user runs it."""

import re
import signal
import subprocess
import sys

import pytest
from conftest import FRAMEWORKS, IMAGES, ROOT, blocks, imported
from PIL import Image

COFFEE = IMAGES / "coffee.png"
EXPECTED = {
    "camera.png": {"tripod"},
    "cat.png": {"tiger_cat", "Egyptian_cat", "tabby"},
    "coffee.png": {"espresso"},
    "rocket.jpg": {"missile", "space_shuttle", "projectile"},
}


def test_one_picture_prints_its_five_best_labels(classify):
    finished = classify("--image", COFFEE)
    assert (finished.returncode, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert re.fullmatch(r"1\. espresso: 9\d\.\d\d%", lines[0])
    assert [line[:3] for line in lines] == ["1. ", "2. ", "3. ", "4. ", "5. "]
    assert all(re.fullmatch(r"\d\. \w+: \d+\.\d\d%", line) for line in lines)


def test_real_weights_name_the_shipped_photos_on_tensorflow_too(classify):
    finished = classify("-i", IMAGES, "-k", 1, "--backend", "tensorflow", "--quiet")
    assert (finished.returncode, finished.stderr) == (0, "")
    answers = {
        path.rpartition("/")[2]: lines[0][3:].partition(":")[0] for path, lines in blocks(finished.stdout).items()
    }
    assert answers.keys() == EXPECTED.keys()
    assert all(answers[name] in EXPECTED[name] for name in EXPECTED)


def test_bad_pictures_among_good_ones_get_their_error_and_lose_nothing(classify, tmp_path, tmp_path_factory):
    copies = tmp_path_factory.mktemp("copies") / "new"
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "folder").mkdir()
    Image.open(COFFEE).save(tmp_path / "línea\n猫.png")
    (tmp_path / "cut.jpg").write_bytes((IMAGES / "rocket.jpg").read_bytes()[:50_000])
    inputs = [COFFEE, tmp_path / "empty.jpg", tmp_path, "nowhere.jpg", tmp_path / "folder", IMAGES / "cat.png"]
    finished = classify("-i", *inputs, "--top-k", 2, "-b", 2, "--annotate", copies)
    assert finished.returncode == 1
    answers = blocks(finished.stdout)
    readable = [str(COFFEE), f"{tmp_path}/línea\\n猫.png", str(IMAGES / "cat.png")]
    assert [path for path, lines in answers.items() if not lines[0].startswith("error: ")] == readable
    assert all(len(answers[path]) == 2 for path in readable)
    *errors, summary = finished.stderr.splitlines()
    assert summary.startswith("3 classified, 6 failed: ")
    assert len(re.findall("^error: ", finished.stdout, re.MULTILINE)) == 6
    errors = [line.removeprefix("error: ").removeprefix(f"{tmp_path}/") for line in errors]
    assert [error.partition(": ")[0] for error in errors] == [
        "empty.jpg", "cut.jpg", "empty.jpg", "text.png", "nowhere.jpg", "folder",
    ]  # fmt: skip
    assert errors[0] == "empty.jpg: the file is empty"
    assert errors[3] == "text.png: is a text file, not a picture"
    assert errors[4] == "nowhere.jpg: no such file"
    assert "truncated" in errors[1]
    assert "holds no pictures" in errors[5]
    assert len([path for path in copies.rglob("*") if path.is_file()]) == 3


def test_only_unreadable_pictures_need_no_framework(tmp_path):
    """The answer comes before anything heavy is imported."""
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "classify_image.py", "-i", "nowhere.jpg", "--debug"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert finished.returncode == 1
    assert "error: nowhere.jpg: no such file" in finished.stderr
    assert "PIL" in imported(finished.stderr)
    assert imported(finished.stderr).isdisjoint(FRAMEWORKS)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--help"], 0, ""),
        (["--version"], 0, ""),
        (["--list-models"], 0, ""),
        (["--list-models", "resnet*"], 0, ""),
        (["--list-models", "nothing"], 2, "error: no model matches 'nothing'"),
        ([], 2, "error: no picture given; name files or folders, as in 'photos/ x.jpg', or use --image PATH"),
        (["--imgae", "x.jpg"], 2, "error: unrecognized arguments: --imgae; did you mean --image?"),
        (
            ["-i", "x.jpg", "-m", "resnett50"],
            2,
            "unknown model 'resnett50'; did you mean 'resnet50'? (see --list-models)",
        ),
        (["-i", "x.jpg", "-k", "0"], 2, "'0' is not a whole number from 1"),
        (["-i", "x.jpg", "--device", "tpu"], 2, "'tpu' is not auto, cpu, gpu or gpu:N"),
        (["-i", "x.jpg", "--resize", "squash"], 2, "invalid choice: 'squash'"),
        (["-i", "x.jpg", "--weights", "w.h5"], 2, "error: no such weights file: w.h5"),
        (
            ["-i", "x.jpg", "--labels", "l.txt"],
            2,
            "error: cannot read the labels file l.txt: No such file or directory",
        ),
        (["-i", "x.jpg", "--backend", "theano"], 2, "invalid choice: 'theano'"),
    ],
)
def test_help_lists_and_argument_errors_import_nothing_heavy(arguments, exit_code, message):
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "classify_image.py", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == exit_code
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
    assert imported(finished.stderr).isdisjoint([*FRAMEWORKS, "numpy", "PIL"])


def test_help_opens_with_examples(classify):
    lines = classify("--help").stdout.splitlines()
    assert lines[2].strip() == "python classify_image.py --image images/coffee.png"


def test_list_models_prints_a_row_for_each(classify):
    lines = classify("--list-models").stdout.splitlines()
    assert len(lines) == 1 + 43
    assert re.search(r"^resnet50 +ResNet50 +224 +74.9 % 92.1 % +25,636,712 +98 MB$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^efficientnet_lite0 .* installed$", "\n".join(lines), re.MULTILINE)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_missing_backend_says_how_to_install_it(classify, backend):
    try:
        __import__(backend)
    except ImportError:
        finished = classify("-i", COFFEE, "--backend", backend)
        assert (finished.returncode, finished.stdout) == (2, "")
        assert f"backend '{backend}' is not installed; pip install {backend}" in finished.stderr
    else:
        pytest.skip(f"{backend} is installed")


def test_keras_backend_variable_is_the_default_and_is_checked(classify):
    finished = classify("-i", COFFEE, KERAS_BACKEND="theano")
    assert finished.returncode == 2
    assert "KERAS_BACKEND=theano is not one of auto, openvino, tensorflow, jax, torch" in finished.stderr


def test_annotate_refuses_to_overwrite_until_forced(classify, tmp_path):
    classify("-i", COFFEE, "--annotate", tmp_path)
    before = (tmp_path / "coffee.png").read_bytes()
    again = classify("-i", COFFEE, "--annotate", tmp_path, "--resize", "pad")
    assert again.returncode == 1
    assert again.stdout.startswith("1. espresso")
    assert "exists and differs (--force" in again.stderr
    assert (tmp_path / "coffee.png").read_bytes() == before
    assert classify("-i", COFFEE, "--annotate", tmp_path, "--resize", "pad", "--force").returncode == 0
    assert (tmp_path / "coffee.png").read_bytes() != before


def test_folder_that_cannot_be_written_is_refused(classify, tmp_path):
    (tmp_path / "file").touch()
    finished = classify("-i", COFFEE, "--annotate", tmp_path / "file" / "out")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "cannot write to --annotate" in finished.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_show_without_a_display_says_why_and_answers_all_the_same(classify):
    finished = classify("-i", COFFEE, "--show", DISPLAY="", WAYLAND_DISPLAY="")
    assert finished.returncode == 0
    assert finished.stdout.startswith("1. espresso")
    assert "--show cannot open a window: there is no display" in finished.stderr


def test_debug_shows_the_traceback(classify):
    finished = classify("-i", COFFEE, "--weights", "none", "--device", "gpu:99", "--backend", "openvino", "--debug")
    assert finished.returncode == 2
    assert "Traceback" in finished.stderr


def test_interrupt_keeps_what_was_printed_and_exits_with_130(tmp_path):
    for number in range(2000):
        (tmp_path / f"{number:04}.png").symlink_to(COFFEE)
    options = ["-i", tmp_path, "-b", "1"]
    with subprocess.Popen(
        [sys.executable, "classify_image.py", *options],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored in a background job
    ) as process:  # fmt: skip
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert first == f"{tmp_path}/0000.png\n"
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.endswith("interrupted\n")


def test_closed_pipe_ends_quietly():
    command = f"'{sys.executable}' classify_image.py -i images -b 1 | head -n 1"
    finished = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert finished.stdout == "images/camera.png\n"
    assert finished.stderr == ""
