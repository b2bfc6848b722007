"""Where and how a network is computed. Plain data; imports no framework."""

from dataclasses import dataclass
from pathlib import Path

from engines.backends import BACKENDS, require_backend
from errors import UsageError
from settings import BATCH_SIZE, PRECISIONS, WORKERS, check_choice, check_count

AUTO = "auto"
BACKEND_CHOICES = (AUTO, *BACKENDS)


@dataclass(frozen=True)
class Runtime:
    """What computes; with another one the answers are the same, but for rounding."""

    backend: str = AUTO  # one of BACKEND_CHOICES
    device: str = "auto"  # "auto", "cpu", "gpu" or "gpu:N"
    precision: str = "float32"  # one of PRECISIONS
    batch_size: int = BATCH_SIZE  # pictures computed at once
    workers: int = WORKERS  # threads that decode pictures
    cache_dir: Path | None = None  # where OpenVINO's compiled models are kept; None: nowhere
    threads: int | None = None  # that OpenVINO computes with; None: as many as there are cores

    def __post_init__(self) -> None:
        check_choice("backend", self.backend, BACKEND_CHOICES)
        if self.backend != AUTO:
            require_backend(self.backend)
        check_choice("precision", self.precision, PRECISIONS)
        check_count("batch_size", self.batch_size)
        check_count("workers", self.workers)
        if not is_device(self.device):
            raise UsageError(f"device {self.device!r} is not auto, cpu, gpu or gpu:N")


def is_device(text: object) -> bool:
    """Return whether a device may be called so: auto, cpu, gpu or gpu:N."""
    if not isinstance(text, str):
        return False
    name, colon, number = text.partition(":")
    return (name == "gpu" and number.isdecimal()) if colon else name in ("auto", "cpu", "gpu")
