"""Where results go: files that are not overwritten, pipes, devices, and what is no place for them."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import IMAGES, ROOT
from nobody import as_nobody
from PIL import Image
from written_results import read_csv, read_jsonl, write

from classify_image import parse
from errors import UsageError
from outputs.formats import FORMATS, make_format
from outputs.results_file import open_results
from results import Result

unix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


@pytest.mark.parametrize("format", FORMATS)
def test_what_made_the_file_is_noted_where_it_can_be_resumed(tmp_path, format):
    write(tmp_path / "r", Result("a.png"), format=format)
    assert (tmp_path / "r.run.json").exists() == (format != "text")


def test_format_beats_the_name(tmp_path):
    args, _classifier = parse(["-i", "x.jpg", "-o", "r.csv", "--format", "jsonl"])
    assert args.format == "jsonl"
    write(tmp_path / "r.csv", Result("a.png"), format="jsonl")
    assert [row["path"] for row in read_jsonl(tmp_path / "r.csv")] == ["a.png"]


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (".", {}, "cannot write {0}: Is a directory"),
        (".", {"force": True}, "cannot write {0}: Is a directory"),
        (".", {"resume": True}, "--resume goes on with a regular file, which {0} is not"),
        ("missing/r.csv", {}, "cannot write {0}: No such file or directory"),
        ("x" * 252 + ".csv", {}, "cannot write {0}: File name too long"),
        ("r.png", {}, "--output {0} has the name of a picture; results are text"),
        ("r.JPG", {"force": True}, "--output {0} has the name of a picture; results are text"),
    ],
)
def test_outputs_that_cannot_be_are_refused(tmp_path, output, options, message):
    path = os.path.join(tmp_path, output)
    with pytest.raises(UsageError, match=re.escape(message.format(path))):
        write(path, Result("a.png"), **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "is a picture, or other data than text, and stays"),
        ({"force": True}, "is a picture, or other data than text, and stays"),
        ({"resume": True, "force": True}, "cannot go on with"),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpeg", "gif", "bmp", "webp", "tiff", "avif", "jp2", "ppm"])
def test_picture_is_never_overwritten_whatever_its_name(tmp_path, suffix, options, message):
    path = tmp_path / "r.csv"
    with Image.open(IMAGES / "coffee.png") as image:
        image.convert("RGB").resize((64, 64)).save(tmp_path / f"picture.{suffix}")
    content = (tmp_path / f"picture.{suffix}").read_bytes()
    for link in (os.link, os.symlink):
        link(tmp_path / f"picture.{suffix}", path)
        with pytest.raises(UsageError, match=message):
            write(path, Result("a.png"), **options)
        path.unlink()
    assert (tmp_path / f"picture.{suffix}").read_bytes() == content


@pytest.mark.parametrize("content", [b"P3\n2 2\n255\n", b"P1 # bitmap\n", b'<?xml version="1.0"?>\n<svg', b"8BPS\0\1"])
def test_drawing_in_letters_is_a_picture(tmp_path, content):
    (tmp_path / "r.txt").write_bytes(content)
    with pytest.raises(UsageError, match="is a picture"):
        write(tmp_path / "r.txt", Result("a.png"), format="text", force=True)


@pytest.mark.parametrize(
    "content", [b"", b"caf\xe9;1\r\n", bytes(9), bytes(9) + b',"a"]}\n', b"path,model,error\nx\x01.png,m,\n"]
)
def test_text_and_damaged_rows_may_be_overwritten(tmp_path, content):
    (tmp_path / "r.csv").write_bytes(content)
    write(tmp_path / "r.csv", Result("a.png"), force=True)
    assert [row["path"] for row in read_csv(tmp_path / "r.csv")] == ["a.png"]


@pytest.mark.parametrize("output", ["r.txt", "-"])
def test_what_cannot_be_read_back_cannot_be_resumed(classify, tmp_path, output):
    finished = classify("-i", "nowhere.jpg", "-o", output, "--resume")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(
        "error: --resume goes on with a file of rows; give --output FILE in the format csv"
    )


def test_file_that_exists_is_only_overwritten_when_forced(classify, tmp_path):
    (tmp_path / "r.csv").write_text("mine\n")
    finished = classify("-i", "nowhere.jpg", "-o", tmp_path / "r.csv")
    assert finished.returncode == 2
    assert finished.stderr == f"error: {tmp_path}/r.csv exists; --resume goes on with it, --force overwrites it\n"
    assert (tmp_path / "r.csv").read_text() == "mine\n"
    write(tmp_path / "r.csv", Result("a.png"), force=True)
    assert [row["path"] for row in read_csv(tmp_path / "r.csv")] == ["a.png"]


def test_forced_run_that_never_answers_leaves_the_old_file(tmp_path):
    (tmp_path / "r.csv").write_text("mine\n")
    with contextlib.suppress(UsageError), open_forced(tmp_path / "r.csv") as file:
        assert file.how_to_go_on() == f"{tmp_path}/r.csv is as it was"
        raise UsageError("no such weights")
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    assert (tmp_path / "r.csv").read_text() == "mine\n"


def open_forced(path):
    return open_results(str(path), make_format("csv", "net", 2), {}, resume=False, force=True)


@unix
def test_file_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o777)
    Path("r.csv").touch(0o444)
    with as_nobody(), pytest.raises(UsageError, match=r"cannot write r\.csv: Permission denied"):
        write("r.csv", Result("a.png"))


@unix
def test_link_to_a_file_that_is_not_there_yet_is_followed(tmp_path):
    (tmp_path / "r.csv").symlink_to("elsewhere.csv")
    write(tmp_path / "r.csv", Result("a.png"))
    assert [row["path"] for row in read_csv(tmp_path / "elsewhere.csv")] == ["a.png"]


def test_no_input_gives_a_file_of_no_rows(classify, tmp_path):
    """Nothing was on stdin."""
    finished = classify("-i", "-", "-o", tmp_path / "r.csv")
    assert (finished.returncode, finished.stderr) == (0, "0 classified, 0 failed\n")
    assert (tmp_path / "r.csv").read_text().startswith("path,model,error,")
    assert read_csv(tmp_path / "r.csv") == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_devices_are_written_like_stdout(classify):
    full = classify("-i", "nowhere.jpg", "-o", "/dev/full", "--format", "csv")
    assert (full.returncode, full.stderr) == (2, "error: the results cannot be written: No space left on device\n")
    null = classify("-i", "nowhere.jpg", "-o", "/dev/null", "--format", "csv")
    assert (null.returncode, null.stderr) == (1, "error: nowhere.jpg: no such file\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_stdout_on_a_full_disk_is_an_error_in_one_line():
    command = f"'{sys.executable}' classify_image.py -i no.jpg nowhere.jpg >/dev/full"
    finished = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 2
    assert finished.stderr == "error: the results cannot be written: No space left on device\n"


@unix
def test_named_pipe_takes_every_row(classify, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    received = []
    reader = threading.Thread(target=lambda: received.extend(read_csv(tmp_path / "pipe")), daemon=True)
    reader.start()
    finished = classify("-i", "a.jpg", "b.jpg", "-o", tmp_path / "pipe", "--format", "csv")
    reader.join()
    assert finished.returncode == 1
    assert [row["path"] for row in received] == ["a.jpg", "b.jpg"]


@unix
@pytest.mark.parametrize("is_piped", [True, False])
def test_reader_that_has_enough_ends_the_run_quietly(tmp_path, is_piped):
    (tmp_path / "paths").write_text("nowhere.jpg\n" * 100_000)  # hours of it, if nobody listened
    command = f"'{sys.executable}' {ROOT}/classify_image.py -q -i - --format jsonl <paths 2>messages"
    if is_piped:
        command += " | head -n 1 >head"
    else:
        command = f"mkfifo pipe; head -n 1 pipe >head & {command} -o pipe"
    subprocess.run(command, shell=True, cwd=tmp_path, check=False)
    assert (tmp_path / "head").read_text().count("\n") == 1
    messages = (tmp_path / "messages").read_text().splitlines()
    assert len(messages) < 10_000
    assert set(messages) <= {"error: nowhere.jpg: no such file"}


def test_output_that_is_an_input_is_refused_even_with_force(classify, tmp_path):
    photo = tmp_path / "photo"
    shutil.copy(IMAGES / "cat.png", photo)
    finished = classify("-i", photo, "-o", photo, "--format", "csv", "--force")
    assert finished.returncode == 2
    assert "is the input" in finished.stderr
    assert photo.read_bytes() == (IMAGES / "cat.png").read_bytes()
