"""The proofs: a convolution and a matrix product, compared with NumPy in float64, and their speed."""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from probe.reports import Proof

NCHW, NHWC, OIHW = (0, 3, 1, 2), (0, 2, 3, 1), (3, 2, 0, 1)  # axes, for transposing NHWC, NCHW and HWIO
# float32 stays below 1e-5 here. TensorFloat-32, which the backends are told not to use, gives
# 4e-4, bfloat16 3e-3, and a wrong kernel about 1.
TOLERANCE = 1e-4
TIMED_SECONDS = 0.3  # how long a computation is repeated, after WARM_UPS that compile and tune
WARM_UPS = 2
CHECKED_ROWS = 64  # of a matrix product: spread evenly, so that every tile of the GPU's is met
SIDE, CHANNELS, KERNEL = 56, 64, 3  # of a convolution, as ResNet50 has them

#     task             size on the CPU, on a GPU
SIZES = {
    "convolution":    (8,    64),    # pictures of SIDE x SIDE x CHANNELS
    "matrix_product": (1024, 4096),  # rows and columns
}  # fmt: skip
TASKS = tuple(SIZES)


class Computer(Protocol):
    """What the proofs need of a backend; see probes.py."""

    def prepare(self, task: str, left: np.ndarray, right: np.ndarray, device: str) -> Callable[[], Any]:
        """Put the operands on the device and return what starts the computation there."""

    def wait(self, result: Any) -> None:
        """Return when the result is computed."""

    def fetch(self, task: str, result: Any) -> np.ndarray:
        """Copy a result to the CPU: float32 [N, N], or [N, H, W, C] of a convolution."""


@dataclass(frozen=True)
class Workload:
    """A task's operands, and the right result for a sample of it."""

    left: np.ndarray  # float32 [N, N], or pictures [N, H, W, C]
    right: np.ndarray  # float32 [N, N], or kernels [KERNEL, KERNEL, C, C]
    flops: int  # floating-point operations
    sample: np.ndarray  # which rows, or pictures, are compared
    expected: np.ndarray  # float64: the result[sample]


def prove(computer: Computer, task: str, device: str, cpu_gflops: float | None = None) -> Proof:
    """Compute `task` on `device`, compare the result and measure the speed."""
    work = workload(task, SIZES[task][device != "cpu"])
    run = computer.prepare(task, work.left, work.right, device)
    difference = relative_difference(computer.fetch(task, run()), work)
    if difference is None:
        return Proof(device, task, False, None, TOLERANCE, error="the result is not made of finite numbers")
    gflops = work.flops / seconds_per_run(run, computer.wait) / 1e9
    ratio = gflops / cpu_gflops if cpu_gflops and device != "cpu" else None
    return Proof(device, task, difference <= TOLERANCE, difference, TOLERANCE, gflops, ratio)


def relative_difference(result: np.ndarray, work: Workload) -> float | None:
    """Return the largest difference in the sample over its largest value; None unless all of the result is finite."""
    if result.shape[0] != work.left.shape[0] or result.shape[1:] != work.expected.shape[1:]:
        raise ValueError(f"the result has shape {result.shape}, not {(work.left.shape[0], *work.expected.shape[1:])}")
    if not np.isfinite(result).all():
        return None
    return float(np.abs(result[work.sample] - work.expected).max() / np.abs(work.expected).max())


@functools.lru_cache(maxsize=1)
def workload(task: str, size: int) -> Workload:
    """Make a task's operands, the same in every process: uniform random numbers in [-1, 1)."""
    if task == "matrix_product":
        left, right = _random(0, size, size), _random(1, size, size)
        sample = np.linspace(0, size - 1, CHECKED_ROWS).astype(int)
        return Workload(left, right, 2 * size**3, sample, left[sample].astype(float) @ right.astype(float))
    left, right = _random(0, size, SIDE, SIDE, CHANNELS), _random(1, KERNEL, KERNEL, CHANNELS, CHANNELS)
    sample = np.array([0, size // 2, size - 1])
    flops = 2 * size * SIDE**2 * KERNEL**2 * CHANNELS**2  # the border's zeros counted in
    return Workload(left, right, flops, sample, convolve(left[sample], right))


def convolve(pictures: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Convolve [N, H, W, C] with [K, K, C, D] -> float64 [N, H, W, D]: stride 1, zeros around, K odd."""
    _, height, width, _ = pictures.shape
    margin = len(kernels) // 2
    padded = np.pad(pictures.astype(float), [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    return sum(
        padded[:, row : row + height, column : column + width] @ kernel.astype(float)
        for row, kernel_row in enumerate(kernels)
        for column, kernel in enumerate(kernel_row)
    )


def seconds_per_run(run: Callable[[], Any], wait: Callable[[Any], None]) -> float:
    """Return the median of the seconds that a computation takes, once it is warm."""
    for _ in range(WARM_UPS):
        wait(run())
    durations: list[float] = []
    end = time.perf_counter() + TIMED_SECONDS
    while not durations or time.perf_counter() < end:
        start = time.perf_counter()
        wait(run())
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32) * 2 - 1
