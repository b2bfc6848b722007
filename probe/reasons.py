"""Why a backend uses no GPU, from what the driver and the backend's build say."""

from engines.backends import BACKENDS, gpu_hint
from engines.nvidia import INTEL_PCI, NvidiaDriver, display_vendors, major
from probe.reports import Build


def why_no_gpu(backend: str, driver: NvidiaDriver, build: Build) -> str:
    """Return what is wrong and, where that can be told, what to do."""
    if BACKENDS[backend].gpus == "Intel":
        return _why_no_intel_gpu()
    if not driver.gpus:
        return driver.error
    if not build.cuda_built:
        return f"this {backend} is built for the CPU only; {gpu_hint(backend)}"
    if int(major(build.cuda_built)) > int(major(driver.cuda)):
        return (
            f"NVIDIA's driver {driver.version} is too old: it supports CUDA up to {driver.cuda}, and this {backend} "
            f"is built for CUDA {build.cuda_built}; update the driver"
        )
    if build.missing:
        return f"CUDA libraries are missing: {', '.join(build.missing)}; {gpu_hint(backend)}"
    if build.message:
        return f"{backend} says: {build.message}"
    return f"NVIDIA's driver has a GPU, but {backend} does not use it and gives no reason; --debug shows its messages"


def _why_no_intel_gpu() -> str:
    if INTEL_PCI in display_vendors():
        return (
            "an Intel GPU is in this machine, but OpenVINO does not see it: apt-get install intel-opencl-icd, "
            "and let the user read /dev/dri/renderD* (group render)"
        )
    return "OpenVINO computes on Intel's GPUs only, and sees none"
