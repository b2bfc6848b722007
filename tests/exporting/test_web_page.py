"""The web page of usage/web in a real browser: onnxruntime-web gives the suite's answers.

It needs `npm install onnxruntime-web@1` in usage/web, whose files are not in the repository.
"""

import functools
import http.server
import re
import shutil
import threading

import pytest
from conftest import IMAGES, ROOT

from classifiers import load_classifier

PAGE = ROOT / "usage" / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
    pytest.mark.skipif(not (PAGE / "node_modules" / "onnxruntime-web").exists(), reason="no onnxruntime-web"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(run, tmp_path_factory):
    """Where the page is served, with a model."""
    folder = tmp_path_factory.mktemp("web") / "exported"
    finished = run("export_model.py", "--format", "onnx", "--output", folder)
    assert finished.returncode == 0, finished.stderr
    shutil.copy(PAGE / "index.html", folder)
    (folder / "node_modules").symlink_to(PAGE / "node_modules")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_page_names_what_the_suite_names(address):
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, said = browser.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text))
        page.goto(address)
        page.get_by_text("Choose a picture").wait_for(timeout=120_000)
        for result in load_classifier(backend="openvino").classify([str(IMAGES)]):
            page.get_by_role("status").evaluate("element => element.textContent = ''")
            page.get_by_label("Picture").set_input_files(result.source)
            page.get_by_text("Computed in").wait_for(timeout=60_000)
            label, score = re.fullmatch(r"(.*): ([\d.]+)%", page.locator("li").first.text_content()).groups()
            assert label == result.predictions[0].label
            assert float(score) == pytest.approx(100 * result.predictions[0].score, abs=10)
        browser.close()
    assert [line for line in said if "favicon" not in line and "404" not in line] == []
