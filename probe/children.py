"""Probe backends, each in a child process: a crash or a hang of one takes no other with it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engines.backends import BACKENDS, is_installed
from probe.reports import LOOKED, MEASURED, BackendReport, add_message

ROOT = Path(__file__).resolve().parent.parent
END_SECONDS = 5  # a process that hangs in a driver may not even be killed
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
ENVIRONMENT = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",       # the children share the GPU's memory
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX's name for the same
    "NVIDIA_TF32_OVERRIDE": "0",               # float32 means float32
}  # fmt: skip


def probe_backends(backends: Sequence[str], pixels: bytes, timeout: float, debug: bool = False) -> list[BackendReport]:
    """Return a report of each backend, in order.

    `pixels` is a picture for PICTURE_MODEL, uint8 RGB [S, S, 3]; `timeout` is in seconds, for each of
    a child's two parts: looking, which all do at once, and measuring, one after the other.
    """
    return asyncio.run(_probe_all([Child(backend, timeout, debug) for backend in backends], pixels))


async def _probe_all(children: Sequence["Child"], pixels: bytes) -> list[BackendReport]:
    try:
        await asyncio.gather(*(child.look(pixels) for child in children))
        for child in children:
            await child.measure()
    finally:
        for child in children:
            await child.end()
    return [child.report for child in children]


class Child:
    """The process that probes one backend, and what it has reported so far."""

    def __init__(self, backend: str, timeout: float, debug: bool = False, command: Sequence[str] | None = None) -> None:
        self.report = BackendReport(backend, installed=is_installed(backend))
        self._timeout = timeout
        self._debug = debug
        self._command = command or (sys.executable, "-m", "probe", backend)
        self._process: Process | None = None
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  end() closes it

    async def look(self, pixels: bytes) -> None:
        """Start the process; return when it has said what its backend sees, or failed."""
        if not self.report.installed:
            self._fail(f"not installed; pip install {BACKENDS[self.report.backend].package}")
            return
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env=os.environ | ENVIRONMENT | ({} if self._debug else QUIET),
            stdin=PIPE, stdout=PIPE, stderr=None if self._debug else self._noise,
            start_new_session=True,  # Ctrl-C is for the parent, who ends it
        )  # fmt: skip
        await self._part(self._process, pixels, LOOKED)

    async def measure(self) -> None:
        """Let the process compute the proofs; return when it has, or failed."""
        if self._process and not self.report.error:
            await self._part(self._process, b"measure\n", MEASURED)

    async def end(self) -> None:
        """End the process, if it still runs."""
        self._noise.close()
        if self._process and self._process.returncode is None:
            _kill(self._process)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_SECONDS)

    async def _part(self, process: Process, question: bytes, phase: str) -> None:
        start = time.monotonic()
        try:
            await asyncio.wait_for(self._ask(process, question, phase), self._timeout)
        except TimeoutError:
            _kill(process)
            self._fail(f"no answer in {self._timeout:g} seconds (--timeout SECONDS gives it more); it was ended")
        self.report = replace(self.report, seconds=round(self.report.seconds + time.monotonic() - start, 2))

    async def _ask(self, process: Process, question: bytes, phase: str) -> None:
        assert process.stdin is not None  # both are pipes, as `look` asked for
        assert process.stdout is not None
        process.stdin.write(question)
        async for line in process.stdout:
            message = json.loads(line)
            if message.pop("phase", None) == phase:
                return
            self.report = add_message(self.report, message)
        code = await process.wait()
        if not self.report.error:
            self._fail(f"{_how_it_ended(code)}{self._last_words()}")

    def _fail(self, reason: str) -> None:
        self.report = replace(self.report, error=reason)

    def _last_words(self) -> str:
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1].strip()[:300]}" if lines else ""


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended too early, with exit code {code}"
