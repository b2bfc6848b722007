"""A run that is ended by a signal leaves no process behind, and no traceback."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

pytest.importorskip("resource", reason="signals of Unix")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_process_that_computes_features_ends_with_the_run(sent, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    command = [sys.executable, "train_classifier.py", "--data", tmp_path / "data", "--output", tmp_path / "run"]
    process = subprocess.Popen(
        [*command, "--cache-dir", tmp_path / "cache"], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
    )  # fmt: skip
    with process:
        for line in process.stderr:
            if line.startswith("features: computing 40 of 40"):
                break
        process.send_signal(sent)
        assert process.stderr.read() == ""  # until the child, too, has closed it: it has ended
    assert process.returncode == -sent
    (store,) = (tmp_path / "cache").glob("features-*.sqlite")
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT count(*) FROM features").fetchone() == (0,)
