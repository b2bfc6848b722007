"""What the tests share: the repository, its pictures, and scripts run as a user runs them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import portalocker
import pytest

from engines import Engine, load_engine
from engines.runtime import Runtime
from models import ModelSpec
from networks import Network
from networks.weights import Weights

os.environ["KERAS_BACKEND"] = "openvino"  # for engines in this process; others run in their own
CACHE = tempfile.TemporaryDirectory(prefix="graphs-")
os.environ["XDG_CACHE_HOME"] = CACHE.name

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
FRAMEWORKS = ("tensorflow", "keras", "jax", "torch", "openvino", "cv2")


SLOWEST_FIRST = ("scripts", "training", "networks", "exporting", "engines")  # folders, so that all end together


def pytest_collection_modifyitems(items):
    """Let the slowest files begin first; a process takes a whole file at a time."""
    order = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))


@pytest.fixture(scope="session")
def run():
    """Run `python SCRIPT ARGUMENTS...` in the repository and return the finished process."""

    def run_script(script: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
        variables = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
        return subprocess.run(
            [sys.executable, script, *map(str, arguments)],
            cwd=ROOT, env=variables | environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run_script


@pytest.fixture(scope="session")
def classify(run):
    """Run classify_image.py with the arguments given."""
    return lambda *arguments, **environment: run("classify_image.py", *arguments, **environment)


@pytest.fixture(scope="session")
def networks(run, tmp_path_factory):
    """The folder of weights files that save_networks.py fills, once for all the processes that test."""
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "networks"
    with portalocker.Lock(f"{folder}.lock", timeout=600):
        if not folder.exists():
            folder.mkdir()
            finished = run("tests/save_networks.py", folder, IMAGES / "cat.png", PYTHONPATH=str(ROOT))
            assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture
def make(tmp_path):
    """Make empty files by their names, and return their folder."""

    def make_files(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make_files


@pytest.fixture
def tree(make, tmp_path, monkeypatch):
    """Make empty files by their names, below a new current folder that others may enter."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    return make


@pytest.fixture(scope="module")
def browser():
    """A Chromium that is installed; without one, the test is skipped."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser):
    """Open a page; nothing may be said on the console, nor asked for but files."""
    contexts, said, asked = [], [], []

    def open_one(path, width=1280, colors="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=colors))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.asked = asked
        page.goto(path.as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def assert_soon(page, ask, expected):
    """Ask until the answer is the one expected; the page's policy keeps Playwright from doing that."""
    for _ in range(200):
        if (answer := ask(page)) == expected:
            return
        page.wait_for_timeout(25)
    assert answer == expected


def engine_for(
    model: ModelSpec | Network, weights: str | Weights = "imagenet", classes: int = 1000, **runtime
) -> Engine:
    """Load a network, or a model of the registry with its own last layer, on OpenVINO."""
    network = model if isinstance(model, Network) else Network((model,), classes)
    source = weights if isinstance(weights, Weights) else Weights(weights)
    return load_engine(network, source, Runtime(**{"backend": "openvino"} | runtime))


def imported(importtime: str) -> set[str]:
    """Return the top-level modules that `python -X importtime` lists."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in importtime.splitlines() if "|" in line}


def blocks(stdout: str) -> dict[str, list[str]]:
    """Split the text output of several pictures into {path: lines}."""
    return {block.splitlines()[0]: block.splitlines()[1:] for block in stdout.split("\n\n") if block}


@pytest.fixture(scope="module")
def s3_server():
    """A bucket on a server like Amazon S3, which is started once."""
    from s3 import running_server

    with running_server() as bucket:
        yield bucket


@pytest.fixture
def bucket(s3_server):
    """The bucket, empty."""
    s3_server.clear()
    return s3_server
