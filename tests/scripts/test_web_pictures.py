"""URLs on the command line: rows as of files, nothing fetched twice, and no password anywhere."""

import csv
import signal
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from picture_server import PictureServer, content, silent

NAMES = ["cat.png", "missing.jpg", "rocket.jpg", "coffee.png"]
SECRET = "geheim"


@pytest.fixture
def server(monkeypatch):
    """A server with the shipped pictures."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with PictureServer.running() as running:
        for path in IMAGES.iterdir():
            running.add(f"/a/{path.name}", content(path))
        yield running


def addresses(server):
    return [f"{server.url.replace('://', f'://me:{SECRET}@')}/a/{name}" for name in NAMES]


def test_rows_are_those_of_the_files_and_no_secret_is_kept(server, classify, tmp_path):
    output = tmp_path / "rows.csv"
    copies = tmp_path / "copies"
    finished = classify(*addresses(server), "--output", output, "--annotate", copies, "--debug")
    files = classify(*(IMAGES / name for name in NAMES), "--format", "csv")
    assert finished.returncode == files.returncode == 1
    rows, expected = (list(csv.DictReader(text.splitlines())) for text in (output.read_text(), files.stdout))
    shown = server.url.replace("://", "://***@")
    assert [row.pop("path") for row in rows] == [f"{shown}/a/{name}" for name in NAMES]
    assert [row.pop("error") for row in rows] == ["", "HTTP 404 Not Found", "", ""]
    for row in expected:
        del row["path"], row["error"]
    assert rows == expected
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"cat.png", "coffee.png", "rocket.jpg", "rows.csv.run.json"}
    assert SECRET not in finished.stdout + finished.stderr
    assert not any(SECRET.encode() in path.read_bytes() for path in written)


def test_resumed_run_fetches_what_is_missing(server, classify, tmp_path):
    output, urls = tmp_path / "rows.csv", addresses(server)
    classify(*urls[:2], "--output", output)
    resumed = classify(*urls, "--output", output, "--resume")
    assert server.requests == {f"/a/{name}": 1 for name in NAMES}
    assert "3 classified, 1 failed (2 rows are from before)" in resumed.stderr


def test_list_of_urls_on_stdin(server):
    listed = "\r\n".join([*addresses(server), "images/cat.png"])
    command = [sys.executable, "classify_image.py", "-", "--top-k", "1", "--exclude", "coffee*"]
    finished = subprocess.run(command, cwd=ROOT, input=listed, capture_output=True, text=True)
    labels = [line.partition(":")[0] for line in finished.stdout.splitlines() if line.startswith("1.")]
    assert labels == ["1. tiger_cat", "1. missile", "1. tiger_cat"]
    assert server.requests["/a/coffee.png"] == 0


def test_one_url_is_one_picture(server, classify):
    server.add("/a/cat.png?w=*", content(IMAGES / "cat.png"))
    assert classify(f"{server.url}/a/cat.png?w=*").stdout == classify(IMAGES / "cat.png").stdout


def test_compared_models_see_a_url_once(server, run, tmp_path):
    figure = tmp_path / "figure.html"
    finished = run("compare_models.py", *addresses(server)[:2], "--figure", figure)
    assert "tiger_cat" in finished.stdout
    assert "HTTP 404 Not Found" in figure.read_text()
    assert "data:image/jpeg;base64," in figure.read_text()
    assert SECRET not in finished.stdout + finished.stderr + figure.read_text()
    assert server.requests["/a/cat.png"] == 1


def test_labelled_urls_are_evaluated(server, run, tmp_path):
    table, report = tmp_path / "truth.csv", tmp_path / "report"
    table.write_text("path,label\n" + "".join(f"{url},tabby\n" for url in addresses(server)))
    finished = run("evaluate_classifier.py", "--labels-csv", table, "--output", report, "--timeout", "9")
    assert "4 pictures of" in finished.stdout
    assert "1 of them failed" in finished.stdout
    assert SECRET not in finished.stdout + finished.stderr
    assert not any(SECRET.encode() in path.read_bytes() for path in report.rglob("*") if path.is_file())
    table.write_text(table.read_text().replace("tabby", "taby"))
    refused = run("evaluate_classifier.py", "--labels-csv", table, "--output", report, "--force")
    assert "***@" in refused.stderr
    assert SECRET not in refused.stderr


def test_interrupted_run_does_not_wait_for_a_server(server):
    urls = [f"{server.url}/a/cat.png", *(server.add(f"/{number}", silent) for number in range(9))]
    command = [sys.executable, "classify_image.py", *urls, "--format", "csv", "--timeout", "600"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b"path,")
    assert process.stdout.readline().startswith(server.url.encode())
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1].startswith(b"interrupted")
    assert process.returncode == 130
