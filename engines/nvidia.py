"""What NVIDIA's driver says of itself and its GPUs, in milliseconds and without any framework."""

import ctypes
import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path

NVIDIA_PCI, INTEL_PCI = "0x10de", "0x8086"  # vendors of PCI devices
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
#   CUDA      what frameworks load of it
LIBRARIES = {
    "12": ("libcudart.so.12", "libcublas.so.12", "libcufft.so.11", "libcusolver.so.11", "libcusparse.so.12"),
    "13": ("libcudart.so.13", "libcublas.so.13", "libcufft.so.12", "libcusolver.so.12", "libcusparse.so.12"),
}  # fmt: skip
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...


@dataclass(frozen=True)
class NvidiaGpu:
    """One GPU as the driver knows it."""

    model: str
    memory_bytes: int
    compute_capability: str  # "9.0"


@dataclass(frozen=True)
class NvidiaDriver:
    """The driver, the newest CUDA that it supports, and its GPUs; `error` says why there are none."""

    version: str = ""  # "580.65.06"
    cuda: str = ""  # "13.0"
    gpus: tuple[NvidiaGpu, ...] = ()
    error: str = ""


def has_nvidia_gpu() -> bool:
    """Ask NVIDIA's driver for a GPU."""
    driver = _load_driver()
    return driver is not None and driver.cuInit(0) == 0 and _count_gpus(driver) > 0


def has_cuda_libraries() -> bool:
    """Return whether a CUDA runtime that frameworks use can be loaded."""
    return any(_load_cuda_library(f"libcudart.so.{version}") for version in LIBRARIES)


def read_driver() -> NvidiaDriver:
    """Ask NVIDIA's driver for its versions and for all GPUs that CUDA_VISIBLE_DEVICES leaves."""
    driver = _load_driver()
    if driver is None:
        return NvidiaDriver(error=_why_no_driver())
    version, cuda = _driver_version(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(cuda))
    code = driver.cuInit(0)
    count = _count_gpus(driver) if code == 0 else 0
    error = "" if count else _why_not_started(driver, code)
    gpus = tuple(_read_gpu(driver, number) for number in range(count))
    return NvidiaDriver(version, cuda_version(cuda.value), gpus, error)


def cuda_version(number: int) -> str:
    """Turn CUDA's 12040 into "12.4", and 0 into ""."""
    return f"{number // 1000}.{number % 1000 // 10}" if number else ""


def cudnn_version(number: int) -> str:
    """Turn cuDNN's 90100 into "9.1.0", 8907 into "8.9.7" and 0 into ""."""
    unit = 10_000 if number >= 90_000 else 1000
    return f"{number // unit}.{number % unit // 100}.{number % 100}" if number else ""


def display_vendors() -> set[str]:
    """Return the PCI vendors of this machine's graphics devices, as far as Linux shows them."""
    folders = [path.parent for path in Path("/sys/bus/pci/devices").glob("*/class")]
    displays = [folder for folder in folders if _read(folder / "class").startswith("0x03")]
    return {_read(folder / "vendor") for folder in displays}


def found_cuda(built: str) -> str:
    """Return the version of the CUDA runtime that a framework built for CUDA `built` finds, or ""."""
    library, number = _load_cuda_library(f"libcudart.so.{major(built)}"), ctypes.c_int()
    if library is not None:
        library.cudaRuntimeGetVersion(ctypes.byref(number))
    return cuda_version(number.value)


def found_cudnn(built: str) -> str:
    """Return the version of the cuDNN that a framework built for cuDNN `built` finds, or ""."""
    library = _load_cuda_library(f"libcudnn.so.{major(built)}")
    return cudnn_version(library.cudnnGetVersion()) if library is not None else ""


def missing_libraries(cuda: str, cudnn: str) -> tuple[str, ...]:
    """Return the libraries of these versions of CUDA and cuDNN, "12.5" and "9", that cannot be loaded."""
    needed = [*LIBRARIES.get(major(cuda), ())] + [f"libcudnn.so.{major(cudnn)}"] * bool(cudnn)
    return tuple(name for name in needed if _load_cuda_library(name) is None)


def gpu_memory(driver: NvidiaDriver, number: int) -> int | None:
    """Return the bytes of memory of the driver's GPU with that number."""
    return driver.gpus[number].memory_bytes if number < len(driver.gpus) else None


def major(version: str) -> str:
    """Return "12" of "12.5.1"."""
    return version.partition(".")[0]


def _load_cuda_library(name: str) -> ctypes.CDLL | None:
    """Load a library as frameworks find it: the copy in use, the system's, or pip's."""
    pip_copies = [path for folder in sys.path for path in glob.glob(f"{folder}/nvidia/*/lib/{name}")]
    for path in (name, *pip_copies):
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


def _load_driver() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return None


def _count_gpus(driver: ctypes.CDLL) -> int:
    count = ctypes.c_int()
    return count.value if driver.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0


def _read_gpu(driver: ctypes.CDLL, number: int) -> NvidiaGpu:
    device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(100), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    major, minor = (_attribute(driver, device, which) for which in (CAPABILITY_MAJOR, CAPABILITY_MINOR))
    return NvidiaGpu(name.value.decode(errors="replace"), memory.value, f"{major}.{minor}")


def _attribute(driver: ctypes.CDLL, device: ctypes.c_int, which: int) -> int:
    value = ctypes.c_int()
    driver.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return value.value


def _driver_version() -> str:
    """Ask NVML, which comes with the driver; "" where it does not answer."""
    text = ctypes.create_string_buffer(80)  # NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
    try:
        nvml = ctypes.CDLL("nvml.dll" if os.name == "nt" else "libnvidia-ml.so.1")
    except OSError:
        return ""
    if nvml.nvmlInit_v2() != 0:
        return ""
    nvml.nvmlSystemGetDriverVersion(text, len(text))
    nvml.nvmlShutdown()
    return text.value.decode(errors="replace")


def _why_no_driver() -> str:
    if NVIDIA_PCI in display_vendors():
        return "an NVIDIA GPU is in this machine, but not its driver: install it (containers: docker run --gpus all)"
    return "this machine has no NVIDIA driver"


def _why_not_started(driver: ctypes.CDLL, code: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if code in (0, NO_DEVICE):
        hidden = "" if visible is None else f" (CUDA_VISIBLE_DEVICES='{visible}' hides the others)"
        return f"NVIDIA's driver sees no GPU{hidden}"
    reason = ctypes.c_char_p()
    driver.cuGetErrorString(code, ctypes.byref(reason))
    text = (reason.value or b"unknown error").decode(errors="replace")
    return f"NVIDIA's driver does not start: {text} (CUDA error {code}); restart the machine or reinstall the driver"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
