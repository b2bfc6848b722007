"""stdin, stdout and stderr: closed, or in an encoding that is not UTF-8."""

import csv
import os
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT

COFFEE = IMAGES / "coffee.png"
ERROR = "no such file"


def shell(command, **environment):
    """Run `classify_image.py` with the rest of a command line."""
    command = f"'{sys.executable}' '{ROOT}/classify_image.py' {command}"
    return subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize("closed", ["<&- 2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_streams_leave_a_results_file_of_rows_only(tmp_path, closed):
    output = tmp_path / "r.csv"
    finished = shell(f"'{COFFEE}' nowhere.png --output '{output}' -k 1 {closed}")
    rows = list(csv.reader(output.read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows] == ["path", str(COFFEE), "nowhere.png"]
    assert [row[2] for row in rows] == ["error", "", ERROR]
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "", "")


def test_message_without_stderr_is_not_among_the_results():
    finished = shell("--no-such-option 2>&-")
    assert (finished.returncode, finished.stdout) == (2, "")


@pytest.mark.parametrize("script", ["classify_image.py", "compare_models.py"])
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_redirected_rows_are_utf_8_in_every_locale(run, tmp_path, script, environment):
    path = tmp_path / "Käse 犬.png"
    finished = run(script, path, "--format", "csv", "-q", **environment)
    assert finished.stdout.splitlines()[1].startswith(f"{path},efficientnet_lite0,{ERROR}")
