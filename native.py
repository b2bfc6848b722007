"""Threads inside of native code when Python ends: it would end them there, which aborts the process (in C++)."""

import atexit
import threading
from weakref import WeakSet

LONGEST_GOODBYE = 5  # seconds


class NativeWork:
    """`with work:` around each call into native code on a thread that nobody may wait for; one at a time.

    At the end of Python, such calls are waited for, and new ones never begin.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _works.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def try_to_begin(self) -> bool:
        """Return whether a call may be made now; what is begun so ends as the `with` block does."""
        return self._lock.acquire(blocking=False)

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def end(self) -> None:
        """Wait for the call that goes on, and let no other begin."""
        self._lock.acquire(timeout=LONGEST_GOODBYE)


_works: WeakSet[NativeWork] = WeakSet()


@atexit.register
def _end_all() -> None:
    for work in list(_works):
        work.end()
