"""Results in an object store, and the other outputs of pictures that are in one, by the command line."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from conftest import IMAGES, ROOT
from PIL import Image

QUICK = "tests/small_parts.py"  # of 20 rows
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
OUT = "s3://bucket/out/"


@pytest.fixture
def pictures(bucket):
    """Fifty small pictures in the bucket."""
    for number in range(50):
        file = io.BytesIO()
        Image.new("RGB", (20, 20), (number, 0, 0)).save(file, "PNG")
        bucket.put(**{f"p/{number:02}.png": file.getvalue()})
    return bucket


def classify(run, *arguments):
    return run(QUICK, "-i", "s3://bucket/p/", *arguments, **ENVIRONMENT)


def rows_of(content, format):
    """Return the rows of all parts of a folder."""
    parts = [data for name, data in sorted(content.items()) if name.startswith("part-")]
    if format == "parquet":
        return [row for data in parts for row in pq.read_table(io.BytesIO(data)).to_pylist()]
    return [json.loads(line) for data in parts for line in data.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_parts_are_objects_and_missing_ones_are_made_again(run, pictures, format):
    assert classify(run, "-o", OUT, "--format", format).returncode == 0
    whole = pictures.content("out/")
    assert sorted(whole) == ["_run.json", *(f"part-00000{number}.{format}" for number in (1, 2, 3))]
    assert [row["path"] for row in rows_of(whole, format)] == [f"s3://bucket/p/{number:02}.png" for number in range(50)]
    assert classify(run, "-o", OUT, "--format", format).stderr == (
        f"error: {OUT} has results; --resume goes on with them, --force removes them\n"
    )
    pictures.client.delete_object(Bucket="bucket", Key=f"out/part-000002.{format}")
    finished = classify(run, "-o", OUT, "--format", format, "--resume")
    assert "50 classified, 0 failed (30 rows are from before)" in finished.stderr
    assert sorted(map(str, rows_of(pictures.content("out/"), format))) == sorted(map(str, rows_of(whole, format)))


@pytest.mark.slow
def test_killed_run_goes_on(run, pictures):
    command = [sys.executable, QUICK, "-q", "-i", "s3://bucket/p/", "-o", OUT, "--format", "jsonl", "-b", "1"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | ENVIRONMENT)
    while "part-000001.jsonl" not in pictures.content("out/") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert classify(run, "-o", OUT, "--format", "jsonl", "--resume").returncode == 0
    rows = rows_of(pictures.content("out/"), "jsonl")
    assert sorted(row["path"] for row in rows) == [f"s3://bucket/p/{number:02}.png" for number in range(50)]
    assert not any(row["error"] for row in rows)


@pytest.mark.slow
def test_force_begins_anew(run, pictures):
    classify(run, "-o", OUT)
    assert classify(run, "-o", OUT, "--force", "--exclude", "[1-4]?.png").returncode == 0
    assert sorted(pictures.content("out/")) == ["_run.json", "part-000001.csv"]


@pytest.mark.slow
def test_scheme_may_be_in_capitals(run, pictures):
    assert classify(run, "-o", OUT).returncode == 0
    finished = classify(run, "-o", "S3://bucket/out", "--resume")
    assert "50 classified, 0 failed (50 rows are from before)" in finished.stderr


def test_store_without_a_bucket(run):
    finished = run(QUICK, "-i", "images", "-o", "s3://", **ENVIRONMENT)
    assert finished.stderr == "error: cannot write to s3://: it names no bucket, as s3://BUCKET/FOLDER/ does\n"


@pytest.mark.slow
def test_results_go_nowhere_without_a_bucket(run, pictures):
    finished = classify(run, "-o", "s3://elsewhere/out/")
    assert finished.returncode == 2
    assert (
        "s3://elsewhere/out: there is no such object, folder or bucket (The specified bucket does not"
        in finished.stderr
    )


def test_copies_are_the_objects_and_places_mirror_the_bucket(run, bucket, tmp_path):
    cat = (IMAGES / "cat.png").read_bytes()
    bucket.put(**{"p/a b/c.png": cat, "p/bad.png": b"no picture"})
    options = ["-o", OUT, "--copy-to", tmp_path / "copies", "--annotate", tmp_path / "annotated"]
    assert classify(run, *options).returncode == 1
    assert [path.read_bytes() for path in (tmp_path / "copies").glob("*/c.png")] == [cat]
    assert (tmp_path / "annotated" / "bucket" / "p" / "a b" / "c.png").is_file()
    assert b"s3://bucket/p/a b/c.png,efficientnet_lite0,," in bucket.content("out/")["part-000001.csv"]
    assert "1 classified, 1 failed (2 rows are from before)" in classify(run, *options, "--resume").stderr
