"""What is at a URL, by urllib3: within so many seconds, bytes and redirects, whatever the server does.

urllib3 bounds each wait for a server; here all of them together are bounded, so that one that sends a byte
every second ends, too. Redirects are followed here, because urllib3 reads their bodies without a bound.
"""

import io
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPResponse as PlainResponse
from typing import Any
from urllib.parse import unquote, urljoin
from urllib.request import getproxies, proxy_bypass

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    InvalidHeader,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as WaitedTooLong
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, parse_url

from errors import ImageError, first_line
from settings import VERSION
from sources.named import SCHEMES, shown
from sources.search import check_size

REDIRECTS = 5
TRIES = 4  # of a server that is busy
BUSY = (429, 503)  # too many requests; service unavailable
REDIRECTING = (301, 302, 303, 307, 308)
CONNECTIONS = 4  # that are kept for each host
HOSTS = 32  # that connections are kept for
CHUNK = 2**16  # bytes
HEADERS = {
    "User-Agent": f"image-classifier-scripts/{VERSION}",
    "Accept": "image/*, */*;q=0.5",
    "Accept-Encoding": "identity",  # pictures are compressed already
}
NO_PICTURES = ("video/", "audio/", "application/zip", "application/gzip", "application/x-gzip", "application/x-tar")

_of_thread = threading.local()  # its deadline


class Deadline:
    """The moment when a download has to be there."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def extend(self, seconds: float) -> None:
        """Let it be later, by what was not the server's fault."""
        self._end += seconds


def parse(url: str) -> Url:
    """Return the parts of a URL, quoted as browsers do; raises ImageError for what is none."""
    try:
        parsed = parse_url(url.strip())
    except (HTTPError, ValueError):
        parsed = Url()
    if not parsed.host:
        raise ImageError("is not a valid URL; write https://host/path, and / in a password as %2F")
    return parsed._replace(fragment=None)


class Client:
    """Connections to servers and proxies, which threads share."""

    def __init__(self) -> None:
        self._managers: dict[str | None, PoolManager] = {}
        self._lock = threading.Lock()

    def fetch(self, url: Url, deadline: Deadline, max_bytes: int, take: Callable[[int], None]) -> bytes:
        """Return what is at a URL; `take` is told how many bytes more come into memory, and may wait.

        Raises ImageError with the reason: no connection, no answer by the deadline, a status other than 200 after
        some tries, more than `max_bytes`, content that is a video or an archive.
        """
        _of_thread.deadline = deadline
        try:
            with closing(self._follow(url, deadline)) as response:
                return _read(response, max_bytes, take)
        except (HTTPError, OSError, ValueError) as error:
            raise ImageError(_reason(error, deadline.seconds)) from error

    def fetch_part(self, url: Url, start: int, end: int, deadline: Deadline) -> tuple[bytes, int]:
        """Return the bytes from `start` to before `end` of a file, and how many it has; raises ImageError."""
        _of_thread.deadline = deadline
        try:
            with closing(self._follow(url, deadline, f"bytes={start}-{end - 1}")) as response:
                return _read_part(response, end - start)
        except (HTTPError, OSError, ValueError) as error:
            raise ImageError(_reason(error, deadline.seconds)) from error

    def _follow(self, url: Url, deadline: Deadline, part: str = "") -> BaseHTTPResponse:
        for _ in range(REDIRECTS + 1):
            response = self._answer(url, deadline, part)
            target = response.headers.get("Location")
            if response.status not in REDIRECTING or not target:
                return response
            response.close()
            url = _redirected(url, target)
        raise ImageError(f"is redirected more than {REDIRECTS} times")

    def _answer(self, url: Url, deadline: Deadline, part: str) -> BaseHTTPResponse:
        """Ask again, after a while, as long as the server is busy and there is time."""
        for number in range(TRIES):
            response = self._ask(url, deadline, part)
            if response.status not in BUSY or number == TRIES - 1:
                break
            response.close()
            seconds = _asks_to_wait(response, 0.5 * 2**number)
            if seconds >= deadline.left():
                status = _status(response)
                raise ImageError(f"{status}: it asks to wait {seconds:g} s, and --timeout is {deadline.seconds:g} s")
            time.sleep(seconds)
        return response

    def _ask(self, url: Url, deadline: Deadline, part: str) -> BaseHTTPResponse:
        wanted = {"Authorization": _basic(url.auth) if url.auth else "", "Range": part}
        headers = HEADERS | {name: value for name, value in wanted.items() if value}
        request: dict[str, Any] = {"headers": headers, "redirect": False, "retries": False, "preload_content": False}
        manager, address = self._manager_for(url), url._replace(auth=None).url
        try:
            return manager.request("GET", address, timeout=deadline.left(), **request)
        except ProtocolError:  # a kept connection that the server closes just now, as it may
            return manager.request("GET", address, timeout=deadline.left(), **request)

    def _manager_for(self, url: Url) -> PoolManager:
        proxies = {} if proxy_bypass(url.netloc or "") else getproxies()  # HTTPS_PROXY and so on
        proxy = proxies.get(url.scheme or "") or proxies.get("all")
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = _make_manager(proxy)
            return self._managers[proxy]


class _TimelyFile(io.RawIOBase):
    """What a server sends, up to the deadline of the thread that reads it."""

    def __init__(self, file: io.RawIOBase, sock: Any) -> None:
        self._file, self._sock = file, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_of_thread.deadline.left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimelyResponse(PlainResponse):
    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp: Any = io.BufferedReader(_TimelyFile(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _TimelyResponse


class _TLSConnection(HTTPSConnection):
    response_class = _TimelyResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _make_manager(proxy: str | None) -> PoolManager:
    options: dict[str, Any] = {"maxsize": CONNECTIONS, "ssl_context": ssl.create_default_context()}
    if proxy is None:
        manager = PoolManager(HOSTS, **options)
    else:
        url = parse(proxy if "://" in proxy else f"http://{proxy}")
        if url.scheme not in SCHEMES:
            raise ImageError(f"the proxy {shown(proxy)} is of a kind that cannot be used; give one of http://")
        headers = {"Proxy-Authorization": _basic(url.auth)} if url.auth else None
        manager = ProxyManager(url._replace(auth=None).url, HOSTS, proxy_headers=headers, **options)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager


def _basic(user_and_password: str) -> str:
    user, _colon, password = map(unquote, user_and_password.partition(":"))
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _redirected(url: Url, target: str) -> Url:
    """Return where a redirect leads to; the password goes along to the same host only, and never from https to http."""
    target = target.encode("latin-1", "replace").decode("utf-8", "replace")  # http.client reads headers as Latin-1
    joined = urljoin(url._replace(auth=None).url, target)
    scheme = joined.partition("://")[0]
    if scheme not in SCHEMES:
        raise ImageError(f"is redirected to {scheme}:, which is not read")
    there = parse(joined)
    is_same = (there.host, there.port) == (url.host, url.port) and (url.scheme, there.scheme) != ("https", "http")
    return there._replace(auth=url.auth) if is_same and not there.auth else there


def _asks_to_wait(response: BaseHTTPResponse, otherwise: float) -> float:
    try:
        return Retry().get_retry_after(response) or otherwise
    except InvalidHeader:
        return otherwise


def _read(response: BaseHTTPResponse, max_bytes: int, take: Callable[[int], None]) -> bytes:
    if response.status != HTTPStatus.OK:
        raise ImageError(_status(response))
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.startswith(NO_PICTURES):
        raise ImageError(f"is {kind}, not a picture; download it, and give the file")
    content = io.BytesIO()
    size = response.length_remaining or 0  # as the server says
    for chunk in response.stream(CHUNK) if size <= max_bytes else ():
        size = content.tell() + len(chunk)
        if size > max_bytes:
            break
        take(len(chunk))
        content.write(chunk)
    check_size(size, max_bytes)
    return content.getvalue()


def _read_part(response: BaseHTTPResponse, size: int) -> tuple[bytes, int]:
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status == HTTPStatus.OK or (response.status == HTTPStatus.PARTIAL_CONTENT and not whole.isdecimal()):
        raise ImageError("is an archive on a server that sends whole files only; download it, and give the file")
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        raise ImageError(_status(response))
    return response.read(size), int(whole)


def _status(response: BaseHTTPResponse) -> str:
    try:
        return f"HTTP {response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:  # a number of the server's own
        return f"HTTP {response.status}"


def _reason(error: Exception, seconds: float) -> str:
    """Say what went wrong in a line; the texts of urllib3 name objects of its own."""
    if isinstance(error, ProxyError):
        return f"the proxy does not answer: {_reason(error.original_error, seconds)}"
    if isinstance(error, NameResolutionError):
        return f"the host {error.conn.host} is unknown, or the network is down"
    if isinstance(error, NewConnectionError):
        return f"cannot connect to {error.conn.host}: {_innermost(error)}"
    if isinstance(error, (TimeoutError, WaitedTooLong)):
        return f"no whole answer in {seconds:g} s; --timeout SECONDS gives it more"
    if isinstance(error, SSLError):
        return f"the connection is not safe: {_innermost(error)}"
    if isinstance(error, ValueError):
        return "is no valid URL, or is redirected to none"
    if isinstance(error, DecodeError):
        return "its content is not compressed as the server says"
    return f"the connection broke off: {_innermost(error)}"


def _innermost(error: Exception) -> str:
    """Return what the system says: the error that others are made of."""
    while isinstance(inner := error.__cause__ or error.__context__, Exception):
        error = inner
    return getattr(error, "verify_message", "") or getattr(error, "strerror", "") or first_line(error)
