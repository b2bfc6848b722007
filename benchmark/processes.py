"""Measure a task in fresh processes, so that no measurement leaves anything behind for the next."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from benchmark.plan import TRAINED, Setting, Task, to_json
from benchmark.summary import Sample

ROOT = Path(__file__).resolve().parent.parent


class MeasurementError(Exception):
    """One task cannot be measured: its rows say why and the others go on."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended well."""

    stdout: str
    seconds: float  # wall time from its start until it has ended
    peak_mib: float | None  # the most memory that it held at once (resident set); None where the system cannot say


def measure(task: Task, setting: Setting) -> Sample:
    """Return what a task came to; raises MeasurementError."""
    own_cache = Path(setting.cache_dir, re.sub(r"\W", "_", f"{task.model}-{task.backend}-{task.precision}"))
    setting = replace(setting, cache_dir=str(own_cache))
    if task.kind == "first":
        return Sample(_first_answers(task, setting))
    module = "benchmark.measure" if task.kind in ("files", "arrays", "decode") else "benchmark.baselines"
    finished = run_python("-m", module, to_json(task, setting))
    if task.kind.endswith("first"):  # plain Keras keeps nothing: cold or warm, it is the same
        return Sample({"first_cold_s": finished.seconds, "first_warm_s": finished.seconds})
    stage = task.kind.rpartition("_")[2]
    measured = json.loads(finished.stdout.splitlines()[-1])
    answers = measured.pop("answers", ())
    figures = {f"{stage}_{name}": value for name, value in measured.items()}
    if stage == "files" and finished.peak_mib is not None:
        figures["memory_mib"] = finished.peak_mib
    return Sample(figures, answers)


def _first_answers(task: Task, setting: Setting) -> dict[str, float]:
    """Run classify_image.py as a user does, without OpenVINO's compiled model in the cache and then with it."""
    shutil.rmtree(setting.cache_dir, ignore_errors=True)
    weights = [] if task.weights == TRAINED else ["--weights", task.weights]
    arguments = [
        "classify_image.py", "--image", setting.one_picture, "--model", task.model, *weights,
        *(["--preprocess", setting.preprocess] if setting.preprocess else []),
        "--backend", task.backend, "--device", setting.device, "--precision", task.precision,
        "--cache-dir", setting.cache_dir, "--workers", str(setting.workers),
    ]  # fmt: skip
    return {name: run_python(*arguments).seconds for name in ("first_cold_s", "first_warm_s")}


def run_python(*arguments: str) -> Finished:
    """Run a Python program of the suite to its end; raises MeasurementError with what it says when it fails."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        try:
            peak_mib = _wait(process)
        except BaseException:  # Ctrl-C
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        if process.returncode:
            raise MeasurementError(_why(process.returncode, _text(stderr)))
        return Finished(_text(stdout), seconds, peak_mib)


def _wait(process: subprocess.Popen) -> float | None:
    """Wait for the end of a process; return its peak of resident memory in MiB.

    Linux counts a new process's peak from its parent's size on: the parent of what is measured
    must be small, and imports no framework.
    """
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KiB elsewhere


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _why(returncode: int, stderr: str) -> str:
    """Return the reason from the end of what a process wrote, in one line."""
    if returncode < 0:
        return f"the process was killed by signal {-returncode} (9: was there too little memory?)"
    _before, mark, message = f"\n{stderr.strip()}".rpartition("\nerror: ")
    lines = [line for line in (message if mark else stderr).splitlines() if line.strip()]
    return " ".join(lines if mark else lines[-1:]) or f"the process ended with exit code {returncode}"
