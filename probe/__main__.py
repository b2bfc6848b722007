"""The process that probes one backend: `python -m probe BACKEND`, started by children.py.

stdin: the pixels of a picture, uint8 RGB [S, S, 3], and a line when it may measure, so that no two
backends measure at once. stdout: JSON objects, a line each, with fields of a BackendReport as they
become known; what was said stands when a framework crashes. `"phase"` ends each of the two parts.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from classifiers import load_classifier
from engines.backends import CPU_BACKEND
from engines.nvidia import NvidiaDriver, missing_libraries, read_driver
from errors import first_line
from models import find_model
from probe.compute import TASKS, prove
from probe.probes import Probe, make_probe
from probe.reasons import why_no_gpu
from probe.reports import LOOKED, MEASURED, PICTURE_CLASS, PICTURE_MODEL, Device, Proof


class Speaker:
    """Sends JSON lines to the parent; anything else that is written to stdout, even by a C library, goes to stderr."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, **fields: object) -> None:
        """Send some fields of the report."""
        print(json.dumps(fields), file=self._stream, flush=True)


def main(argv: Sequence[str]) -> None:
    """Probe the backend named in `argv`."""
    backend, speaker = argv[0], Speaker()
    size = find_model(PICTURE_MODEL).input_size
    pixels = np.frombuffer(sys.stdin.buffer.read(size * size * 3), np.uint8).reshape(1, size, size, 3)
    driver = read_driver()
    speaker.say(driver=asdict(driver))
    try:
        probe = make_probe(backend)
        gpus = look(backend, probe, driver, speaker)
        on_cpu = ["cpu"] if backend == CPU_BACKEND else []  # the others take 5 to 20 seconds for that
        for device in [gpu.name for gpu in gpus] or on_cpu:
            speaker.say(proofs=[asdict(attempt(device, "classification", classify, backend, device, pixels))])
        speaker.say(phase=LOOKED)
        if sys.stdin.buffer.readline():
            measure(probe, gpus, speaker)
            speaker.say(phase=MEASURED)
    except Exception as error:  # a broken installation raises anything as it is imported or asked
        traceback.print_exc()
        speaker.say(error=describe(error))


def look(backend: str, probe: Probe, driver: NvidiaDriver, speaker: Speaker) -> list[Device]:
    """Say what the backend is and sees; return its GPUs."""
    speaker.say(version=probe.version)
    gpus = probe.gpus(driver)
    speaker.say(devices=[asdict(gpu) for gpu in gpus])
    build = probe.build()
    if driver.gpus and not gpus:
        build = replace(build, missing=missing_libraries(build.cuda_built, build.cudnn_built))
    speaker.say(build=asdict(build), why_no_gpu="" if gpus else why_no_gpu(backend, driver, build))
    return gpus


def classify(backend: str, device: str, pixels: np.ndarray) -> Proof:
    """Let the backend's engine name the picture, as the scripts do."""
    scores = load_classifier(PICTURE_MODEL, backend=backend, device=device, use_cache=False).predict(pixels)[0]
    best = int(scores.argmax())
    return Proof(device, "classification", best == PICTURE_CLASS, class_index=best, score=float(scores[best]))


def measure(probe: Probe, gpus: list[Device], speaker: Speaker) -> None:
    """Prove every task on the CPU and then on each GPU."""
    probe.use_float32()
    for task in TASKS:
        on_cpu = attempt("cpu", task, prove, probe, task, "cpu")
        speaker.say(proofs=[asdict(on_cpu)])
        for gpu in gpus:
            proof = attempt(gpu.name, task, prove, probe, task, gpu.name, on_cpu.gflops)
            speaker.say(proofs=[asdict(proof)])


def attempt(device: str, task: str, compute: Callable[..., Proof], *arguments: object) -> Proof:
    """Return `compute(*arguments)`; a proof that failed says why, and the others still get their turn."""
    try:
        return compute(*arguments)
    except Exception as error:  # each framework has exceptions of its own
        traceback.print_exc()
        return Proof(device, task, right=False, error=describe(error))


def describe(error: Exception) -> str:
    """Return an exception's kind and first line."""
    return f"{type(error).__name__}: {first_line(error)[:300]}"


if __name__ == "__main__":
    main(sys.argv[1:])
