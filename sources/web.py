"""Pictures on the web: several are fetched at a time, a few of each host, within a bound of memory."""

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable

from urllib3.util import Url

from errors import ImageError, UsageError, first_line
from sources.fetch import Client, Deadline, parse
from sources.named import shown
from sources.pictures import Given
from sources.search import Search

AT_ONCE = 16
MOST_HELD_BYTES = 2**28  # of all downloads that are not read yet
CANCELLED = "the download was cancelled"


def picture_at(url: str, search: Search = Search()) -> Given:
    """Return the picture at a URL, to be downloaded when it is read; its name is the URL without a password."""
    try:
        return Given(shown(url), _WebPicture(parse(url), search.timeout, search.max_bytes))
    except ImageError as error:
        return Given(shown(url), error)


class Download:
    """A picture that comes from a server, as a file that is read once; a thread of its own gets it from `begin` on."""

    at_once = 4  # of a host

    def __init__(self, host: str | None, timeout: float, max_bytes: int) -> None:
        self.host = host
        self.max_bytes = max_bytes
        self.is_cancelled = False
        self.held = 0  # bytes in memory
        self._timeout = timeout
        self._turns = _shared_turns()
        self._has_begun = False
        self._is_done = threading.Event()
        self._content = b""
        self._error = ""  # and no exception, whose traceback would keep all this in memory
        self._is_hopeless = False  # for all pictures

    def get(self, client: Client, deadline: Deadline, take: Callable[[int], None]) -> bytes:
        """Return the content; `take` is told how many bytes more come into memory, and may wait."""
        raise NotImplementedError

    def begin(self) -> None:
        """Have it fetched as soon as it is its turn."""
        self._has_begun = True
        self._turns.add(self)

    def read(self) -> bytes:
        """Wait for the content, and hand it over; raises ImageError or UsageError when it cannot be had."""
        if not self._has_begun:
            self.begin()
        self._is_done.wait()
        self._turns.remove(self)
        if self._error:
            raise (UsageError if self._is_hopeless else ImageError)(self._error)
        content, self._content = self._content, b""
        return content

    def cancel(self) -> None:
        """Let it be: nobody reads it any more."""
        self.is_cancelled = True
        self._turns.remove(self)
        self._error = CANCELLED
        self._is_done.set()

    def fetch(self, client: Client) -> None:
        """Get the content, or what is wrong; called on a thread for it alone."""
        deadline = Deadline(self._timeout)

        def take(size: int) -> None:
            started = time.monotonic()
            self._turns.take(self, size)
            deadline.extend(time.monotonic() - started)

        try:
            self._content = self.get(client, deadline, take)
        except Exception as error:  # a fault of ours, too, must not leave a reader waiting
            self._turns.give_back(self)
            self._error, self._is_hopeless = first_line(error), isinstance(error, UsageError)
        self._is_done.set()


class _WebPicture(Download):
    """A picture at a URL."""

    def __init__(self, url: Url, timeout: float, max_bytes: int) -> None:
        super().__init__(url.host, timeout, max_bytes)
        self._url = url

    def __reduce__(self) -> tuple:
        return _WebPicture, (self._url, self._timeout, self.max_bytes)  # another process fetches it for itself

    def get(self, client: Client, deadline: Deadline, take: Callable[[int], None]) -> bytes:
        """Return what is at the URL; raises ImageError."""
        return client.fetch(self._url, deadline, self.max_bytes, take)


class _Turns:
    """Whose turn it is to be fetched, and to take memory.

    Whatever begins is read, or cancelled, at some time. So the one that comes first of all that are unread may
    always go on; the others wait while too much memory is held.
    """

    def __init__(self) -> None:
        self._client = Client()
        self._changed = threading.Condition()
        self._unread: dict[Download, None] = {}  # in order
        self._waiting: list[Download] = []
        self._running: Counter[str | None] = Counter()  # by host
        self._held_bytes = 0

    def add(self, download: Download) -> None:
        with self._changed:
            self._unread[download] = None
            self._waiting.append(download)
            self._start()

    def remove(self, download: Download) -> None:
        """Forget what was read, or is not wanted any more."""
        with self._changed:
            self._unread.pop(download, None)
            if download in self._waiting:
                self._waiting.remove(download)
        self.give_back(download)

    def take(self, download: Download, size: int) -> None:
        """Wait until there is room for some bytes more; raises ImageError when they are not wanted any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._may_take(download, size))
            if download.is_cancelled:
                raise ImageError(CANCELLED)
            download.held += size
            self._held_bytes += size

    def give_back(self, download: Download) -> None:
        """Make room of what a download held."""
        with self._changed:
            self._held_bytes -= download.held
            download.held = 0
            self._changed.notify_all()

    def _may_take(self, download: Download, size: int) -> bool:
        is_first = next(iter(self._unread), download) is download
        return is_first or download.is_cancelled or self._held_bytes + size <= MOST_HELD_BYTES

    def _start(self) -> None:
        for download in list(self._waiting):
            if self._running.total() < AT_ONCE and self._running[download.host] < download.at_once:
                self._waiting.remove(download)
                self._running[download.host] += 1
                threading.Thread(target=self._run, args=(download,), daemon=True).start()

    def _run(self, download: Download) -> None:
        download.fetch(self._client)
        with self._changed:
            self._running -= Counter([download.host])
            self._start()


_alive: weakref.WeakValueDictionary[str, _Turns] = weakref.WeakValueDictionary()  # one, while there are downloads
_alive_lock = threading.Lock()


def _shared_turns() -> _Turns:
    """Return the turns of all downloads of this process; connections are closed with the last of these."""
    with _alive_lock:
        turns = _alive.get("turns")
        if turns is None:
            turns = _alive["turns"] = _Turns()
        return turns
