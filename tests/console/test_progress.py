"""The bar on the terminal, and nowhere else; the line at the end of a run."""

import os
import re
import subprocess
import sys
import termios

import pytest
from conftest import IMAGES, ROOT

from console.progress import Progress

SUMMARY = r"0 classified, {} failed: [\d,]+\.\d images/s"


def on_terminal(*arguments, stdout=subprocess.PIPE, **keywords):
    """Classify with stderr on a terminal of 100 columns; return what stood on it and on stdout, and the exit code."""
    ours, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (30, 100))
    options = {"cwd": ROOT, "stdout": terminal if stdout == "terminal" else stdout, "stdin": subprocess.DEVNULL}
    command = [sys.executable, "classify_image.py", *map(str, arguments)]
    with subprocess.Popen(command, stderr=terminal, **(options | keywords)) as process:
        os.close(terminal)
        shown = b"".join(iter(lambda: read(ours), b"")).decode()
        printed = process.stdout.read().decode() if process.stdout else ""
    os.close(ours)
    return shown.replace("\r\n", "\n"), printed, process.returncode


def read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that the other side is closed
        return b""


def screen(shown):
    """What a person sees in the end: of a line that was written over, the last."""
    return [line.rpartition("\r")[2].removeprefix("\x1b[A") for line in shown.split("\n")]


@pytest.fixture
def folder(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.png").touch()
    return tmp_path


def test_bar_shows_done_total_rate_and_failures_beside_a_file_of_results(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "r.csv"
    shown, printed, code = on_terminal("-i", folder, folder, "-o", output)
    bar = screen(shown)[-3]
    assert re.search(r"100%\|█+\| 60/60 \[\d\d:\d\d<00:00, .* ?images/s.*failed=60\]", bar)
    assert re.fullmatch(SUMMARY.format(60), screen(shown)[-2])
    assert (printed, code) == ("", 1)
    assert len(output.read_text().splitlines()) == 61


def test_messages_do_not_break_the_bar(folder):
    shown, _printed, _code = on_terminal("-i", folder, "--format", "csv")
    lines = screen(shown)
    assert lines[:30] == [f"error: {folder}/{number:02}.png: the file is empty" for number in range(30)]
    assert len(lines) == 30 + len(["the bar", "the summary", "the end"])


def test_bar_counts_in_a_pipeline_and_lets_the_data_through(folder):
    shown, printed, _code = on_terminal("-i", folder, "--format", "jsonl")
    assert "30/30" in shown
    assert printed.count("\n") == printed.count('"path"') == 30


def test_total_is_unknown_of_a_list_on_stdin(tmp_path):
    (tmp_path / "list").write_text("a.png\nb.png\n")
    with open(tmp_path / "list") as stdin:
        shown, _printed, _code = on_terminal("-i", "-", "--format", "csv", stdin=stdin)
    bar = screen(shown)[-3]
    assert re.search(r"2 images \[\d\d:\d\d, .*failed=2\]", bar)
    assert "%" not in bar


def test_results_on_the_same_terminal_are_progress_enough(folder):
    shown, _printed, _code = on_terminal("-i", folder, stdout="terminal")
    assert "images/s" in screen(shown)[-2]
    assert "\r" not in shown
    assert shown.count("the file is empty") == 30  # once each


@pytest.mark.parametrize("options", [("--quiet",), ("--quiet", "--format", "jsonl")])
def test_quiet_shows_no_bar_and_no_summary(folder, options):
    shown, _printed, _code = on_terminal("-i", folder, *options)
    assert shown.count("error: ") == shown.count("\n") == 30
    assert "\r" not in shown


def test_no_bar_in_a_pipe_but_the_summary(classify, folder):
    finished = classify("-i", folder, "--format", "csv")
    lines = finished.stderr.splitlines()
    assert re.fullmatch(SUMMARY.format(30), lines[-1])
    assert all(line.startswith("error: ") for line in lines[:-1])
    assert "\r" not in finished.stderr


def test_one_picture_has_no_summary(classify):
    assert classify("-i", "nowhere.png").stderr == "error: nowhere.png: no such file\n"


def test_classified_pictures_are_counted():
    shown, _printed, code = on_terminal("-i", IMAGES, "nowhere.png", "--format", "csv")
    assert "| 5/5 [" in shown
    assert re.fullmatch(r"4 classified, 1 failed: \d+\.\d images/s", screen(shown)[-2])
    assert code == 1


def test_resumed_run_counts_on(folder, tmp_path):
    output = tmp_path / "r.jsonl"
    first = sorted(folder.glob("0*.png"))
    on_terminal("-i", *first, "-o", output)
    shown, _printed, _code = on_terminal("-i", folder, "-o", output, "--resume")
    assert "| 30/30 [" in shown
    assert re.fullmatch(r"0 classified, 30 failed \(10 rows are from before\): .*", screen(shown)[-2])


def test_summary_of_nothing_new_has_no_speed():
    assert Progress(is_shown=False, rows=1200, failed=7).summary() == (
        "1,193 classified, 7 failed (1,200 rows are from before)"
    )


def test_closed_stderr_costs_no_results(folder):
    command = f"'{sys.executable}' classify_image.py -i '{folder}' --format jsonl 2>&-"
    finished = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert finished.stdout.count('"error": "the file is empty"') == finished.stdout.count("\n") == 30
    assert finished.returncode == 1


def test_count_that_fails_leaves_the_total_unknown(capfd):
    def fail():
        raise PermissionError

    with Progress(is_shown=True, count=fail) as progress:
        progress.add(failed=False)
    assert "1 images [" in capfd.readouterr().err.replace("1images", "1 images")
