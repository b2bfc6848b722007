"""Keras's own download of ImageNet weights, from a loopback server that the child takes for the internet."""

import pytest
from conftest import IMAGES
from download_server import HOST, Answer, DownloadServer

MOBILENET = "mobilenet_1_0_224_tf.h5"  # Keras knows no hash of it
URL = f"https://{HOST}/tensorflow/keras-applications/mobilenet/{MOBILENET}"
IMPATIENT = """
import runpy, socket, sys
set_timeout = socket.setdefaulttimeout
socket.setdefaulttimeout = lambda seconds: set_timeout(seconds and 1)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""  # waits for a second where the script waits for more
LOGIN_PAGE = Answer(b"<!DOCTYPE html><title>Log in</title>")


@pytest.fixture
def server(tmp_path):
    with DownloadServer.running(tmp_path) as server:
        yield server


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "keras"
    (folder / "models").mkdir(parents=True)
    return folder


@pytest.fixture
def classify_with(run, server, home):
    """Classify a picture with a model's ImageNet weights on the server's internet."""

    def classify_with_model(model="mobilenet", **environment):
        environment = {"KERAS_HOME": str(home), **server.environment, **environment}
        command = ["classify_image.py", "-i", IMAGES / "cat.png", "-m", model, "--backend", "openvino"]
        return run(*(("-c", IMPATIENT) if server.answer.silent else ()), *command, **environment)

    return classify_with_model


@pytest.fixture
def error_with(classify_with):
    """The same, where it fails: return the error after a check that it is one for people."""

    def failing(model="mobilenet", **environment):
        finished = classify_with(model, **environment)
        assert (finished.returncode, finished.stdout) == (2, "")
        note, _, error = finished.stderr.rpartition("error: ")
        assert note == "" or (note.startswith(f"downloading https://{HOST}/") and note.count("\n") == 1)
        assert "Traceback" not in error
        assert not set("\r\b\x1b") & set(error)
        return error

    return failing


def downloaded(home) -> list[str]:
    return [path.name for path in (home / "models").iterdir()]


def test_weights_are_downloaded_once(classify_with, server, home, networks):
    server.answer = Answer((networks / MOBILENET).read_bytes())
    first = classify_with()
    assert (first.returncode, first.stderr) == (0, f"downloading {URL}\n")
    assert len(first.stdout.splitlines()) == 5
    assert first.stdout.startswith("1. cock: 100.00%\n")
    assert downloaded(home) == [MOBILENET]

    server.answer = Answer(status="500 Internal Server Error")
    second = classify_with()
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
    assert server.requests == [URL.removeprefix(f"https://{HOST}")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(
            Answer(b"x" * 100_000, missing=100_000), "retrieval incomplete: got only 100000 out of 200000", id="half"
        ),
        pytest.param(Answer(status="404 Not Found"), "404 Not Found", id="404"),
        pytest.param(
            Answer(status="503 Service Unavailable"), "503 Service Unavailable", id="503", marks=pytest.mark.slow
        ),
        pytest.param(Answer(silent=True), "The read operation timed out", id="silent"),
    ],
)
def test_failed_download_says_what_to_do_and_leaves_nothing(answer, reason, error_with, server, home):
    server.answer = answer
    error = error_with()
    assert error.startswith(f"cannot download mobilenet's weights from {URL}: {reason}")
    assert f"Put the file at {home / 'models' / MOBILENET}, or give it with --weights FILE." in error
    assert error.endswith("No download is needed for: efficientnet_lite0, efficientnet_lite1, efficientnet_lite2.\n")
    assert downloaded(home) == []


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"https_proxy": "http://127.0.0.1:1"}, "Connection refused"),
        ({"SSL_CERT_FILE": "/dev/null"}, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_host_that_cannot_be_reached_or_trusted(environment, reason, error_with, home):
    error = error_with(**environment)
    assert error.startswith(f"cannot download mobilenet's weights from {URL}: ")
    assert reason in error.splitlines()[0]
    assert "No download is needed for: efficientnet_lite0" in error
    assert downloaded(home) == []


def test_download_with_another_hash_than_keras_knows(error_with, server):
    server.answer = LOGIN_PAGE
    error = error_with("resnet50")
    assert error.startswith(f"the download of resnet50's weights from https://{HOST}/")
    assert error.endswith("arrived damaged; run again to download them anew, or give a good copy with --weights FILE\n")


def test_download_that_is_no_weights_file_is_named_then_and_later(error_with, server, home):
    server.answer = LOGIN_PAGE
    for _run in range(2):
        error = error_with()
        assert error.startswith(f"damaged weights: {home / 'models' / MOBILENET} (")
        assert error.endswith("; delete this and run again\n")
    assert len(server.requests) == 1


def test_file_of_a_killed_download_is_named(error_with, server, home, networks):
    (home / "models" / MOBILENET).write_bytes((networks / MOBILENET).read_bytes()[:1_000_000])
    error = error_with()
    assert error.startswith(f"damaged weights: {home / 'models' / MOBILENET} (")
    assert "truncated file" in error
    assert server.requests == []
