"""What a backend is asked: each has a `Probe` in a file of its own, BACKEND_probe.py."""

import importlib
from typing import Protocol

from engines.nvidia import NvidiaDriver
from probe.compute import Computer
from probe.reports import Build, Device


class Probe(Computer, Protocol):
    """A backend as the probe needs it: what it sees, and how it computes (see Computer)."""

    version: str

    def gpus(self, driver: NvidiaDriver) -> list[Device]:
        """Return the GPUs that the backend sees."""

    def build(self) -> Build:
        """Return what the backend was built for, and finds; called after `gpus`."""

    def use_float32(self) -> None:
        """Turn off what computes float32 with fewer bits, such as TensorFloat-32."""


def make_probe(backend: str) -> Probe:
    """Import the backend's framework and return its probe; raises whatever that import raises."""
    return importlib.import_module(f"probe.{backend}_probe").Probe()
