"""What a probed backend reports. Plain data: it crosses from process to process as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engines.nvidia import NvidiaDriver, NvidiaGpu

PICTURE_MODEL = "efficientnet_lite0"  # classifies the picture that every child is given:
PICTURE_CLASS = 967  # images/coffee.png, ImageNet's "espresso"
LOOKED, MEASURED = "looked", "measured"  # the two parts of a probe


@dataclass(frozen=True)
class Device:
    """A GPU that a backend sees."""

    name: str  # what --device takes: "gpu:0"
    model: str  # "NVIDIA H100 80GB HBM3"
    memory_bytes: int | None = None
    compute_capability: str = ""  # NVIDIA's "9.0", AMD's "gfx90a", Intel's architecture


@dataclass(frozen=True)
class Build:
    """CUDA and cuDNN: what a backend was built for ("" in a CPU-only build) and what it finds now."""

    cuda_built: str = ""
    cudnn_built: str = ""
    cuda_found: str = ""
    cudnn_found: str = ""
    missing: tuple[str, ...] = ()  # libraries that it needs and that cannot be loaded
    message: str = ""  # its own words about why it takes no GPU


@dataclass(frozen=True)
class Proof:
    """One computation on one device, compared with the right result."""

    device: str  # "cpu" or a Device's name
    task: str  # one of compute.TASKS, or "classification"
    right: bool
    difference: float | None = None  # largest difference from NumPy in float64, over the largest value
    tolerance: float | None = None  # what `difference` may be
    gflops: float | None = None  # 1e9 floating-point operations per second, in float32
    ratio_to_cpu: float | None = None  # how many times faster than the same backend on the CPU
    class_index: int | None = None  # what the classification says
    score: float | None = None  # and how sure it is, 0 to 1
    error: str = ""


@dataclass(frozen=True)
class BackendReport:
    """All that is known of one backend; `error` says why it could not be probed to the end."""

    backend: str
    version: str = ""  # "" when it is not installed
    driver: NvidiaDriver = field(default_factory=NvidiaDriver)
    build: Build = field(default_factory=Build)
    devices: tuple[Device, ...] = ()
    why_no_gpu: str = ""
    proofs: tuple[Proof, ...] = ()
    error: str = ""
    seconds: float = 0.0  # what the probe took
    installed: bool = True


def add_message(report: BackendReport, message: Mapping) -> BackendReport:
    """Add to a report what a child process has just sent, a JSON object with some of its fields."""
    read = {
        "driver": lambda value: NvidiaDriver(**{**value, "gpus": tuple(NvidiaGpu(**gpu) for gpu in value["gpus"])}),
        "build": lambda value: Build(**{**value, "missing": tuple(value["missing"])}),
        "devices": lambda value: tuple(Device(**device) for device in value),
        "proofs": lambda value: (*report.proofs, *(Proof(**proof) for proof in value)),
    }
    return replace(report, **{name: read.get(name, lambda value: value)(value) for name, value in message.items()})
