"""A web server on this machine for pictures, and for everything that can be wrong with one."""

import contextlib
import gzip
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Page = Callable[["Handler"], object]


class PictureServer(ThreadingHTTPServer):
    """Serves `pages` by their path, and knows who asked for what."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages: dict[str, Page] = {}
        self.requests: Counter[str] = Counter()
        self.seen: list[dict[str, str]] = []  # the headers of each request
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.is_over = threading.Event()
        self.lock = threading.Lock()

    @classmethod
    @contextlib.contextmanager
    def running(cls):
        """Serve from a thread for the length of a `with` block."""
        with cls() as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield server
            server.is_over.set()
            server.shutdown()

    def add(self, path: str, page: Page) -> str:
        """Have a page at a path; return its URL."""
        self.pages[path] = page
        return self.url + path

    def process_request(self, *client: object) -> None:
        """Count the connections."""
        self.connections += 1
        super().process_request(*client)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that have gone."""


class Handler(BaseHTTPRequestHandler):
    """Answers with the page of the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.requests[self.path] += 1
            server.seen.append(dict(self.headers))
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            server.pages.get(self.path, status(404))(self)
        finally:
            with server.lock:
                server.at_once -= 1

    def begin(self, code: int = 200, **headers: object) -> None:
        """Send a status and headers; a name with _ is one with -."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send_forever(self, data: bytes, seconds: float) -> None:
        """Send the same until the client has gone, or the test is over."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.server.is_over.wait(seconds):
                self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def ranged(data: bytes) -> Page:
    """Return a page of which parts can be had."""

    def send(handler: Handler) -> None:
        start, _dash, last = handler.headers["Range"].removeprefix("bytes=").partition("-")
        part = data[int(start) : int(last) + 1]
        handler.begin(206, Content_Length=len(part), Content_Range=f"bytes {start}-{last}/{len(data)}")
        handler.wfile.write(part)

    return send


def content(data: bytes | Path, **headers: object) -> Page:
    """Return a page of bytes, or of a file."""
    body = data.read_bytes() if isinstance(data, Path) else data

    def send(handler: Handler) -> None:
        handler.begin(**{"Content_Length": len(body)} | headers)
        handler.wfile.write(body)
        handler.close_connection |= "Content_Length" in headers  # it may be a lie

    return send


def status(code: int, **headers: object) -> Page:
    """Return a page without content."""
    return lambda handler: handler.begin(code, Content_Length=0, **headers)


def in_turn(*pages: Page) -> Page:
    """Return a page that is another one each time, and at last the last one."""
    left = list(pages)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def slow(page: Page, seconds: float) -> Page:
    """Return a page that comes late."""
    return lambda handler: (time.sleep(seconds), page(handler))


def silent(handler: Handler) -> None:
    """Take the request and say nothing."""
    handler.close_connection = True
    handler.server.is_over.wait(60)


def dripping_headers(handler: Handler) -> None:
    """Send a header that does not end, a letter at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    handler.send_forever(b"x", 0.02)


def dripping(handler: Handler) -> None:
    """Send a picture a byte at a time."""
    handler.begin(Content_Length=10**6)
    handler.send_forever(b"x", 0.02)


def endless(handler: Handler) -> None:
    """Send bytes without an end."""
    handler.begin(Connection="close")
    handler.send_forever(b"x" * 2**16, 0)


def continued(handler: Handler) -> None:
    """Promise an answer, over and over."""
    handler.send_forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0)


def broken_off(handler: Handler) -> None:
    """Send the beginning of a chunk, and close the connection."""
    handler.begin(Transfer_Encoding="chunked")
    handler.wfile.write(b"100\r\nabc")
    handler.close_connection = True


def hung_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def bomb(megabytes: int) -> Page:
    """Return a page of zeros that are compressed on the way."""
    return content(gzip.compress(bytes(megabytes * 2**20)), Content_Encoding="gzip")
