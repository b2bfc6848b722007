"""Results as a folder of parts: whole parts or none, and a run that goes on with what no part has."""

import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial

import pytest
from conftest import ROOT
from PIL import Image
from written_results import READERS, read_parts

import outputs.parts
from errors import UsageError
from outputs.parts import Parts, PartsResults, PartWriter, key_of
from results import Prediction, Result
from sources.frames import Frame

INPUTS = ["a", "bad", '\n,"b"\r\n', os.fsdecode(b" \xff"), "-🙂", "x\0y", "a"]
CUP = Prediction("7", "cup, tea", 0.25)
FORMATS = ("csv", "jsonl", "parquet")
slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(outputs.parts, "ROWS", 2)


def finish(folder, inputs=INPUTS, format="csv", resume=True, force=False, **made_with):
    """Write plain results in this process, as the command line does; return what was added."""
    added = []
    with PartsResults(Parts(str(folder), format, "net", 1, made_with, resume, force)) as results:
        for name in inputs:
            if not results.has_row(name):
                added.append(name)
                result = Result(name, error='no, "never"') if "bad" in name else Result(name, (CUP,))
                results.write(Frame(name), result)
    return added


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("format", FORMATS)
def test_parts_have_the_rows_in_order(tmp_path, format):
    assert finish(tmp_path, format=format) == INPUTS
    assert sorted(content(tmp_path)) == ["_run.json", *(f"part-00000{number}.{format}" for number in range(1, 5))]
    rows = read_parts(tmp_path)
    assert [key_of(row["path"]) for row in rows] == [key_of(name) for name in INPUTS]
    assert [bool(row["error"]) for row in rows] == [name == "bad" for name in INPUTS]


@pytest.mark.parametrize("format", FORMATS)
def test_parts_that_are_missing_are_made_again(tmp_path, format):
    finish(tmp_path, format=format)
    before = content(tmp_path)
    (tmp_path / f"part-000002.{format}").unlink()
    assert finish(tmp_path, format=format) == INPUTS[2:4]
    assert (
        content(tmp_path).items() >= before.items() - {f"part-000002.{format}": before[f"part-000002.{format}"]}.items()
    )
    assert (tmp_path / f"part-000005.{format}").read_bytes() == before[f"part-000002.{format}"]
    assert finish(tmp_path, format=format) == []


def test_any_subset_and_order_of_inputs_ends_with_each_once(tmp_path):
    rng = random.Random(4)
    for number in range(20):
        inputs = rng.choices("abcdefgh", k=rng.randrange(12))
        finish(tmp_path / f"{number}", rng.sample(inputs, rng.randint(0, len(inputs))))
        rng.shuffle(inputs)
        finish(tmp_path / f"{number}", inputs)
        assert sorted(row["path"] for row in read_parts(tmp_path / f"{number}")) == sorted(inputs)


def test_run_that_fails_keeps_its_rows(tmp_path):
    with suppress(KeyboardInterrupt), open_parts(tmp_path) as results:
        results.write(Frame("a"), Result("a", (CUP,)))
        assert results.how_to_go_on() == f"{tmp_path} has 1 rows; the same command with --resume goes on"
        raise KeyboardInterrupt
    assert finish(tmp_path) == INPUTS[1:]


def open_parts(folder, resume=False, force=False):
    return PartsResults(Parts(str(folder), "csv", "net", 1, {}, resume, force))


def test_results_that_are_there_are_removed_with_force_only(tmp_path):
    (tmp_path / "part-of-me.csv").write_text("mine")
    finish(tmp_path, format="parquet")
    (tmp_path / ".unfinished-1234-part-000001.csv").write_text("torn")
    before = content(tmp_path)
    with pytest.raises(UsageError, match="has results; --resume goes on with them, --force removes them"):
        finish(tmp_path, resume=False)
    with open_parts(tmp_path, force=True):
        assert content(tmp_path) == before | {".lock": b""}  # until there is a row
    assert finish(tmp_path, ["x"], resume=False, force=True) == ["x"]
    assert sorted(content(tmp_path)) == ["_run.json", "part-000001.csv", "part-of-me.csv"]


@pytest.mark.parametrize(
    ("now", "message"), [({"--top-k": 2}, "was made with --top-k 1, and not 2"), ({}, "and not None")]
)
def test_what_shapes_the_answers_must_be_the_same(tmp_path, now, message):
    finish(tmp_path, **{"--top-k": 1})
    with pytest.raises(UsageError, match=message):
        finish(tmp_path, **now)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: b"?", lambda data: b"x" + data[1:]])
def test_damaged_part_is_named(tmp_path, format, damage):
    finish(tmp_path, format=format)
    part = tmp_path / f"part-000003.{format}"
    part.write_bytes(damage(part.read_bytes()))
    with pytest.raises(UsageError, match=rf"part-000003\.{format} is damaged \(.+\); remove it, and --resume computes"):
        finish(tmp_path, format=format)
    part.unlink()
    assert finish(tmp_path, format=format) == INPUTS[4:6]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "\xff"])
def test_folder_without_what_made_it_is_refused(tmp_path, content):
    finish(tmp_path)
    (tmp_path / "_run.json").unlink()
    if content is not None:
        (tmp_path / "_run.json").write_text(content, "latin-1")
    with pytest.raises(UsageError, match=r"cannot go on with .*, because .*_run\.json, which says how"):
        finish(tmp_path)
    assert finish(tmp_path, resume=False, force=True) == INPUTS


def test_one_run_at_a_time(tmp_path):
    with open_parts(tmp_path), pytest.raises(UsageError, match="another run is writing"):
        open_parts(tmp_path)
    with open_parts(tmp_path, resume=True):
        pass


def test_run_goes_on_in_another_folder(tmp_path, monkeypatch):
    (tmp_path / "p").mkdir()
    for folder, inputs, added in [("", ["p/a"], ["p/a"]), ("p", ["a", "b"], ["b"]), ("", ["p/a", "p/b", "c"], ["c"])]:
        monkeypatch.chdir(tmp_path / folder)
        assert finish(tmp_path / "r", inputs) == added
    assert [row["path"] for row in read_parts(tmp_path / "r")] == ["p/a", f"{tmp_path}/p/b", "c"]


def test_run_without_pictures_has_a_heading(tmp_path):
    assert finish(tmp_path, []) == []
    assert (tmp_path / "part-000001.csv").read_text().count("\n") == 1


def test_writer_can_be_sent_to_others_and_writes_a_part_again(tmp_path):
    writer = pickle.loads(pickle.dumps(PartWriter(str(tmp_path), "jsonl", "net", 1)))
    for name in ("a", "b"):
        writer.write(7, [Result(name, (CUP,))])
    assert [row["path"] for row in READERS["jsonl"](tmp_path / "part-000007.jsonl")] == ["b"]


def test_keys_are_the_same_in_every_process():
    code = "from outputs.parts import key_of; print(key_of('s3://b/a.jpg'))"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert int(printed) == key_of("s3://b/a.jpg")


@pytest.mark.parametrize(("how", "format"), [(signal.SIGKILL, "csv"), slow(signal.SIGINT, "parquet")])
def test_run_that_is_killed_ends_with_the_rows_of_another(tmp_path, how, format):
    names = make_photos(tmp_path)
    for folder in ("whole", "killed"):
        process = start(tmp_path, names, "-o", f"{folder}/", "--format", format)
        if folder == "killed":  # which more names may follow, so that it has not ended yet
            wait_for(tmp_path / "killed" / f"part-000003.{format}", process)
            process.send_signal(how)
        else:
            process.stdin.close()
        code = process.wait()
        process.stdin.close()
        assert (folder, code) in [("whole", 0), ("killed", 130 if how == signal.SIGINT else -signal.SIGKILL)]
    kept = content(tmp_path / "killed")
    process = start(tmp_path, names, "-o", "killed/", "--format", format, "--resume")
    process.stdin.close()
    assert process.wait() == 0
    assert content(tmp_path / "killed").items() >= {item for item in kept.items() if item[0].startswith("part")}
    assert {name[:5] for name in os.listdir(tmp_path / "killed")} == {"_run.", "part-"}
    whole, killed = (read_parts(tmp_path / folder) for folder in ("whole", "killed"))
    assert sorted(map(str, killed)) == sorted(map(str, whole))
    assert len(whole) == len(names.split())


def make_photos(folder):
    for number in range(10):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(folder / f"{number}.png")
    return "".join(f"{number % 10}.png\n" for number in range(200))


def start(folder, names, *options):
    """Classify what stdin names, with parts of 20 rows."""
    command = [sys.executable, ROOT / "tests" / "small_parts.py", "-q", "-i", "-", *options]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE)
    process.stdin.write(names.encode())
    process.stdin.flush()
    return process


def wait_for(path, process):
    while not path.exists() and process.poll() is None:
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "r/", "--format", "text"], "--output r/ is a folder of rows; give --format csv, jsonl or parquet"),
        (["-o", "s3://b/r.csv"], "--output s3://b/r.csv is a file in a store, which takes folders of parts"),
        (["-o", "r.parquet", "--resume"], "--resume goes on with a folder of parts, not with a Parquet file"),
        (["--format", "parquet"], "--format parquet is no text for stdout; give --output FILE.parquet, or a folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_once(classify, options, message):
    finished = classify("-i", "images/coffee.png", *options)
    assert finished.returncode == 2
    assert re.search(re.escape(message), finished.stderr)
