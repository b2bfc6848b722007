"""Pictures on the web: whatever a server does costs one row, some seconds and bounded memory, and no secret."""

import base64
import gc
import ssl
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import trustme
from conftest import IMAGES
from picture_server import (
    PictureServer,
    bomb,
    broken_off,
    content,
    continued,
    dripping,
    dripping_headers,
    endless,
    hung_up,
    in_turn,
    silent,
    slow,
    status,
)

from classifiers import load_classifier
from errors import ImageError
from sources import web
from sources.fetch import parse
from sources.frames import read_frames
from sources.pictures import find_pictures
from sources.search import Search
from transforms import Transform

TRANSFORM = Transform(32)
CAT = IMAGES / "cat.png"
BYTES = CAT.stat().st_size
TOO_LARGE = "is larger than 1,000,000 bytes; raise it with --max-bytes"
REFUSED = "cannot connect to 127.0.0.1: Connection refused"
TOO_LONG = "no whole answer in 0.3 s"


@pytest.fixture
def server(monkeypatch):
    """A server with a picture at /cat.png, which is reached without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with PictureServer.running() as running:
        running.add("/cat.png", content(CAT))
        yield running


def errors(*urls, timeout=20.0):
    frames = read_frames(find_pictures(urls, Search(timeout=timeout, max_bytes=10**6)), TRANSFORM)
    return [frame.error for frame in frames]


FAULTS = {
    "missing": (status(404), "HTTP 404 Not Found"),
    "failing": (status(500), "HTTP 500 Internal Server Error"),
    "odd": (status(599), "HTTP 599"),
    "busy for long": (status(429, Retry_After=999), "HTTP 429 Too Many Requests: it asks to wait 999 s"),
    "loop": (status(302, Location="/page"), "is redirected more than 5 times"),
    "to nowhere": (status(302, Location="http://["), "is no valid URL, or is redirected to none"),
    "to a file": (status(302, Location="file:///etc/passwd"), "is redirected to file:, which is not read"),
    "large": (content(CAT, Content_Length=10**9), TOO_LARGE),
    "endless": (endless, TOO_LARGE),
    "bomb": (bomb(64), TOO_LARGE),
    "no gzip": (content(CAT, Content_Encoding="gzip"), "its content is not compressed as the server says"),
    "cut": (content(CAT, Content_Length=BYTES + 9), "the connection broke off: IncompleteRead"),
    "broken off": (broken_off, "the connection broke off: IncompleteRead"),
    "hung up": (hung_up, "the connection broke off: Remote end closed connection without response"),
    "half": (content(CAT, Content_Length=BYTES // 2), "damaged PNG picture"),
    "empty": (content(b""), "the file is empty"),
    "a page": (content(b"<!doctype html><p>Sorry"), "is an HTML page, not a picture"),
    "a video": (content(b"?", Content_Type="video/mp4"), "is video/mp4, not a picture"),
    "a nameless video": (content(b"\0\0\0\x18ftypmp42" + bytes(99)), "is a video, not a picture"),
    "an archive": (content(b"PK\3\4" + bytes(99)), "is an archive, not a picture"),
}


@pytest.mark.parametrize(("page", "error"), FAULTS.values(), ids=FAULTS)
def test_fault_costs_one_row(server, page, error):
    found = errors(server.url + "/cat.png", server.add("/page", page), server.url + "/cat.png")
    assert found[0] == found[2] == ""
    assert found[1].startswith(error)


@pytest.mark.parametrize("page", [silent, dripping, dripping_headers, continued])
def test_server_that_takes_for_ever_is_left(server, page):
    assert errors(server.add("/page", page), timeout=0.3)[0].startswith(TOO_LONG)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:9/cat.png", REFUSED),
        ("http://nobody.invalid/cat.png", "the host nobody.invalid is unknown, or the network is down"),
        ("http://host:99999/", "is not a valid URL"),
        ("http://[::1/", "is not a valid URL"),
        ("https:///cat.png", "is not a valid URL"),
        (f"http://{'a' * 70}.com/", "is no valid URL"),
        ("ftp://host/cat.png", "is no http:// or https:// URL"),
        ("file:///cat.png", "is no http:// or https:// URL"),
        ("data:image/png;base64,AAAA", "is no http:// or https:// URL"),
    ],
)
def test_url_that_leads_nowhere(url, error):
    assert errors(url)[0].startswith(error)


@pytest.mark.parametrize("busy", [[status(429, Retry_After=1)], [status(503), status(503, Retry_After="soon")]])
def test_busy_server_is_asked_again(server, busy):
    assert errors(server.add("/page", in_turn(*busy, content(CAT)))) == [""]
    assert server.requests["/page"] == len(busy) + 1


def test_kept_connection_that_the_server_closes_is_made_anew(server):
    assert errors(server.add("/page", in_turn(hung_up, content(CAT)))) == [""]


def test_redirects_are_followed_five_times(server):
    for here, there in pairwise("abcdefg"):
        server.add(f"/{here}", status(301, Location=f"{server.url}/{there}"))
    server.add("/g", content(CAT))
    assert errors(server.url + "/b") == [""]
    assert errors(server.url + "/a") == ["is redirected more than 5 times"]


@pytest.mark.parametrize(("host", "is_sent"), [("127.0.0.1", True), ("localhost", False)])
def test_password_is_used_and_stays_on_its_host(server, host, is_sent):
    there = f"http://{host}:{server.server_port}/cat.png"
    url = server.add("/page", status(307, Location=there)).replace("://", "://me:%C3%A4%20@b%2F@")
    assert errors(url) == [""]
    sent = [headers.get("Authorization") for headers in server.seen]
    expected = "Basic " + base64.b64encode("me:ä @b/".encode()).decode()
    assert sent == [expected, expected if is_sent else None]


def test_url_is_quoted_as_browsers_do(server):
    server.add("/a%20%C3%A9.png?x=1", content(CAT))
    assert errors(f"HTTP{server.url[4:]}/a é.png?x=1#part") == [""]
    assert parse("https://bücher.example/ä").url == "https://xn--bcher-kva.example/%C3%A4"
    assert server.seen[0]["User-Agent"].startswith("image-classifier-scripts/")


def test_answers_come_in_the_order_of_the_urls(server):
    urls = [server.add(f"/{number}", slow(content(CAT), (9 - number) / 50)) for number in range(9)]
    frames = list(read_frames(find_pictures(urls), TRANSFORM))
    assert [frame.source for frame in frames] == urls
    assert [frame.error for frame in frames] == [""] * 9


def test_a_host_is_asked_for_few_at_once(server):
    urls = [server.add(f"/{number}", slow(content(CAT), 0.05)) for number in range(20)]
    assert errors(*urls) == [""] * 20
    assert 1 < server.most_at_once <= 4


def test_memory_is_bounded_and_the_first_goes_on(server, monkeypatch):
    monkeypatch.setattr(web, "MOST_HELD_BYTES", 2 * BYTES)
    urls = [server.add(f"/{number}", content(CAT)) for number in range(8)]
    downloads = [web.picture_at(url).picture for url in urls]
    for download in downloads:
        download.begin()
    for download in downloads:
        assert len(download.read()) == BYTES
        assert sum(other.held for other in downloads) <= 3 * BYTES


def test_what_waits_for_memory_is_not_late(server, monkeypatch):
    """A server is not blamed for the time in which we took nothing."""
    monkeypatch.setattr(web, "MOST_HELD_BYTES", BYTES // 2)
    first, second = (web.picture_at(server.url + "/cat.png", Search(timeout=0.5)).picture for _ in range(2))
    for download in (first, second):
        download.begin()
    threading.Event().wait(0.7)
    assert len(first.read()) == len(second.read()) == BYTES


def test_early_end_leaves_nothing_behind(server):
    before = set(threading.enumerate())
    urls = [server.url + "/cat.png", *[server.add("/silent", silent)] * 9]
    frames = read_frames(find_pictures(urls, Search(timeout=1)), TRANSFORM)
    assert next(frames).error == ""
    frames.close()
    for thread in set(threading.enumerate()) - before:
        if "process_request" not in thread.name:  # of the server
            thread.join(30)
            assert not thread.is_alive()
    assert server.requests["/silent"] <= 4


def test_certificates_are_checked(server, tmp_path, monkeypatch):
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    url = f"https://localhost:{server.server_port}/cat.png"
    assert errors(url) == ["the connection is not safe: unable to get local issuer certificate"]
    gc.collect()  # what urllib3 raised keeps its connections, and these the certificates they trust
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert errors(url, url.replace("localhost", "127.0.0.1")) == [
        "",
        "the connection is not safe: IP address mismatch, certificate is not valid for '127.0.0.1'.",
    ]


def test_proxy_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", server.url.replace("://", "://me:secret@"))
    server.add("http://pictures.invalid/cat.png", content(CAT))
    assert errors("http://pictures.invalid/cat.png") == [""]
    assert server.seen[0]["Proxy-Authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert errors("http://pictures.invalid/") == [f"the proxy does not answer: {REFUSED}"]
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:9")
    assert errors("http://pictures.invalid/")[0].startswith("the proxy socks5://***@127.0.0.1:9 is of a kind")


def test_connections_are_kept_for_the_next_pictures(server):
    assert errors(*[server.url + "/cat.png"] * 20) == [""] * 20
    assert server.connections <= 4


class Brightness:
    """An engine whose best class is how bright a square is, from 0 to 255."""

    def predict(self, pixels):
        return np.eye(1000, dtype=np.float32)[pixels.mean(axis=(1, 2, 3)).astype(int)]


def test_url_in_python_is_as_its_file(server):
    classifier = replace(load_classifier("efficientnet_lite0"), engine=Brightness())
    file, url = classifier.classify([CAT, server.url + "/cat.png"], top_k=1)
    assert (file.predictions, url.source) == (url.predictions, server.url + "/cat.png")


def test_picture_of_a_url_is_explained(server):
    classifier = load_classifier()
    assert classifier.explain(server.url + "/cat.png").label == "tiger_cat"
    with pytest.raises(ImageError, match="HTTP 404"):
        classifier.explain(server.url + "/nowhere.png")
