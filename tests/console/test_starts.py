"""Ways to start a script: Python's own options, a home that is none, and a folder that is gone."""

import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT

SCRIPTS = sorted(path.name for path in ROOT.glob("*_*.py"))
COFFEE = IMAGES / "coffee.png"
ESPRESSO = "1. espresso: 95.11%\n"
GONE = "error: the current folder has been deleted; change to one that exists\n"


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", ["-I", "-OO"])
def test_every_script_starts_with_options_of_python(script, option, tmp_path):
    finished = python(option, ROOT / script, "--help", cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert ("leaves the examples out" in finished.stdout) == (option == "-OO")
    assert "usage: " in finished.stdout


@pytest.mark.parametrize("options", [("-I",), ("-P",), ("-OO",), ("-X", "utf8=0"), ("-W", "error")])
def test_pictures_are_classified_with_options_of_python(options, tmp_path):
    finished = python(*options, ROOT / "classify_image.py", COFFEE, "-k", "1", cwd=tmp_path)
    assert (finished.stdout, finished.stderr, finished.returncode) == (ESPRESSO, "", 0)


def test_home_that_is_no_folder_is_no_place_for_a_cache(classify, tmp_path):
    (tmp_path / "home").touch()
    finished = classify(COFFEE, "-k", 1, HOME=str(tmp_path / "home"), XDG_CACHE_HOME="")
    assert (finished.stdout, finished.stderr, finished.returncode) == (ESPRESSO, "", 0)


def test_cache_folder_below_a_file_is_not_called_damaged(classify, tmp_path):
    (tmp_path / "file").touch()
    finished = classify(COFFEE, "-k", 1, "--cache-dir", tmp_path / "file" / "cache")
    assert finished.stdout == ESPRESSO
    assert finished.stderr.startswith("the compiled model cannot be stored in ")
    assert len(finished.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let the current folder be deleted")
@pytest.mark.parametrize(
    ("arguments", "stdout", "stderr", "code"),
    [
        (f"'{COFFEE}' -k 1", ESPRESSO, "", 0),
        ("a.png", "", f"error: a.png: no such file\n{GONE}", 1),
        (f"'{COFFEE}' -o ../r.csv", "", GONE, 2),
        (f"'{COFFEE}' --annotate annotated", "", GONE, 2),
        (". -q", ".\nerror: the folder holds no pictures", f"{GONE}", 1),
    ],
)
def test_current_folder_that_is_gone_is_the_reason(tmp_path, arguments, stdout, stderr, code):
    (tmp_path / "gone").mkdir()
    command = f"rmdir ../gone; '{sys.executable}' '{ROOT}/classify_image.py' {arguments}"
    finished = subprocess.run(command, shell=True, cwd=tmp_path / "gone", capture_output=True, text=True)
    assert finished.stdout.startswith(stdout)
    assert finished.stderr.endswith(stderr)
    assert (len(finished.stderr.splitlines()) <= 2, finished.returncode) == (True, code)
    assert list(tmp_path.iterdir()) == []
