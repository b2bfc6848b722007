"""Programs that end while pictures are being read, downloaded and answered."""

import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from picture_server import PictureServer, silent

BEGIN = """
import sys, threading, time
from classifiers import load_classifier
from sources.search import Search
results = load_classifier().classify(sys.argv[1:], search=Search(timeout=1000))
next(results)
"""
IN_A_THREAD = "threading.Thread(target=lambda: list(results), daemon=True).start(); time.sleep(0.05)"


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(3)", 3), (IN_A_THREAD, 0)])
def test_python_ends_while_a_server_is_silent(end, code):
    with PictureServer.running() as server:
        urls = [server.add(f"/{number}.jpg", silent) for number in range(3)]
        command = [sys.executable, "-c", BEGIN + end, IMAGES / "cat.png", *urls]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (run.returncode, run.stderr) == (code, "")
