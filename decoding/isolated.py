"""Decoders that parse hostile bytes in C, each in a process of its own: a crash costs one picture and not the run.

`decode` asks an idle process, or starts one (`child.py`). There are as many as threads decode at the same time.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from PIL import Image

from decoding.memory import room_for
from decoding.protocol import receive, send
from errors import ImageError

SECONDS = 60.0  # that a picture may take
MOST_FILE_BYTES = 2**28
FULL_SIZE = "full_size"  # in an answer, and in an image's `info`: before it was made smaller
CHILD = Path(__file__).with_name("child.py")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # pictures are decoded side by side already
    "MALLOC_MMAP_THRESHOLD_": str(2**21),  # bytes; what is larger goes back to the system at once (GNU C library)
}  # fmt: skip


class _Crash(Exception):
    """The process has ended; the text says how."""


class Decoders:
    """Processes that run `script`: idle ones are taken again, and one that has crashed or hangs is replaced."""

    def __init__(self, script: Path = CHILD) -> None:
        self._script = script
        self._forget()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):  # a forked process must not talk to its parent's children
            os.register_at_fork(after_in_child=self._forget)

    def decode(
        self,
        file: BinaryIO,
        format: str,
        max_pixels: int,
        min_side: int | None,
        room: ExitStack,
        seconds: float = SECONDS,
    ) -> Image.Image:
        """Decode an upright picture, "L" or "RGB", with its colour profile in `info`; raises ImageError.

        It is smaller by a whole factor when its short side keeps `min_side` pixels. It waits for room in memory, and
        holds it until `room` is closed.
        """
        data = file.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise ImageError(f"the file is over {MOST_FILE_BYTES >> 20} MiB, too much for a {format} picture")
        order = {"format": format, "max_pixels": max_pixels, "min_side": min_side, "seconds": seconds}
        try:
            answer, body = self._ask_again(order, data, room)
        except _Crash as crash:
            raise ImageError(f"the {format} decoder crashed on it ({crash}); the file is damaged or hostile") from None
        except TimeoutError:
            raise ImageError(f"the {format} decoder was stopped after {seconds:g} seconds") from None
        if "error" in answer:
            raise ImageError("".join(c if c.isprintable() else "?" for c in answer["error"]))
        return _image_of(answer, body)

    def close(self) -> None:
        """End all processes; they hold nothing that would be lost."""
        with self._lock:
            idle, busy = self._idle[:], self._processes.difference(self._idle)
            self._idle.clear()
        for process in idle:
            self._end(process)
        for process in busy:  # the thread that waits for it tidies up
            process.kill()
            process.wait()

    def pids(self) -> list[int]:
        """Return the ids of the processes that there are."""
        with self._lock:
            return [process.pid for process in self._processes]

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen] = set()
        self._idle: list[subprocess.Popen] = []

    def _ask_again(self, order: dict[str, Any], data: bytes, room: ExitStack) -> tuple[dict[str, Any], bytes]:
        """Ask an idle process, and a fresh one when that fails: an earlier picture may have damaged its memory."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process:
            with contextlib.suppress(_Crash):
                return self._ask(process, order, data, room)
        return self._ask(self._start(), order, data, room)

    def _ask(
        self, process: subprocess.Popen, order: dict[str, Any], data: bytes, room: ExitStack
    ) -> tuple[dict[str, Any], bytes]:
        try:
            answer, body = _exchange(process, order, data, order["seconds"])
            while "needed" in answer:  # more than once where the first way fails
                room.close()
                room.enter_context(room_for(answer["needed"]))
                answer, body = _exchange(process, {}, b"", order["seconds"])
        except BaseException:  # also Ctrl-C, after which nobody knows what is in the pipes
            self._end(process)
            raise
        with self._lock:
            self._idle.append(process)
        return answer, body

    def _start(self) -> subprocess.Popen:
        path = json.dumps([entry for entry in sys.path if entry])
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(self._script), path],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | ENVIRONMENT,
                **_own_group(),
            )  # fmt: skip
        except OSError as error:
            raise ImageError(f"its decoder cannot be started: {error.strerror or error}") from error
        with self._lock:
            self._processes.add(process)
        return process

    def _end(self, process: subprocess.Popen) -> None:
        with self._lock:
            self._processes.discard(process)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was written and not flushed
                cast(BinaryIO, pipe).close()


def _own_group() -> dict[str, Any]:
    """Return what keeps Ctrl-C away from a process: it ends with this one."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"process_group": 0}


def _exchange(
    process: subprocess.Popen, order: dict[str, Any], data: bytes, seconds: float
) -> tuple[dict[str, Any], bytes]:
    """Send a message and return the answer; raises _Crash, or TimeoutError when the process had to be killed."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        send(cast(BinaryIO, process.stdin), order, data)
        return receive(cast(BinaryIO, process.stdout))
    except (OSError, EOFError) as error:
        code = process.wait()
        raise TimeoutError if is_late.is_set() else _Crash(_how_it_ended(code)) from error
    finally:
        timer.cancel()


def _how_it_ended(code: int) -> str:
    """Say what an exit code means: -11 is "signal SIGSEGV"."""
    with contextlib.suppress(ValueError):
        if code < 0:
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}" if code < 2**31 else f"exit code {code:#x}"


def _image_of(answer: dict[str, Any], body: bytes) -> Image.Image:
    profile_end = answer["profile_bytes"]
    image = Image.frombytes(answer["mode"], tuple(answer["size"]), memoryview(body)[profile_end:])
    image.info[FULL_SIZE] = tuple(answer.get(FULL_SIZE, answer["size"]))
    if profile_end:
        image.info["icc_profile"] = body[:profile_end]
    return image


decoders = Decoders()
