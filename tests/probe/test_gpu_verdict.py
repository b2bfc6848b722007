"""What the GPU check concludes: verdicts and reasons for machines that are not here, wrong results flagged."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from engines.backends import BACKENDS
from engines.nvidia import NvidiaDriver, NvidiaGpu, cuda_version, cudnn_version
from probe.compute import TASKS, TOLERANCE, convolve, prove, relative_difference, workload
from probe.reasons import why_no_gpu
from probe.reports import BackendReport, Build, Device, Proof, add_message
from probe.verdict import judge

GPU = Device("gpu:0", "NVIDIA H100", 80 * 2**30, "9.0")
DRIVER = NvidiaDriver("580.65.06", "13.0", (NvidiaGpu("NVIDIA H100", 80 * 2**30, "9.0"),))
NO_DRIVER = NvidiaDriver(error="this machine has no NVIDIA driver")
RIGHT = Proof("cpu", "convolution", True, 1e-6, TOLERANCE, 100.0)
WRONG = Proof("gpu:0", "convolution", False, 0.25, TOLERANCE, 9000.0, 90.0)
FAILED = Proof("gpu:0", "matrix_product", False, error="RuntimeError: no kernel image is available")
ON_CPU = BackendReport("openvino", "2026.4.1", NO_DRIVER, why_no_gpu="sees none", proofs=(RIGHT,))
ON_GPU = BackendReport("torch", "2.13.0", DRIVER, devices=(GPU,), proofs=(RIGHT, replace(RIGHT, device="gpu:0")))


#    name                          reports                                                 verdict
VERDICTS = {
    "cpu only":                   ([ON_CPU],                                              "none"),
    "gpu":                        ([ON_GPU],                                              "usable"),
    "gpu and cpu":                ([ON_CPU, ON_GPU],                                      "usable"),
    "cpu-only build on a gpu":    ([replace(ON_CPU, driver=DRIVER)],                      "none"),
    "wrong on the gpu":           ([ON_CPU, replace(ON_GPU, proofs=(RIGHT, WRONG))],      "broken"),
    "fails on the gpu":           ([ON_CPU, replace(ON_GPU, proofs=(RIGHT, FAILED))],     "broken"),
    "crash after it saw the gpu": ([ON_CPU, replace(ON_GPU, error="killed by SIGSEGV")],  "broken"),
    "one right, one wrong":       ([ON_GPU, replace(ON_GPU, proofs=(WRONG,))],            "broken"),
    "crash before it saw it":     ([ON_CPU, BackendReport("jax", "", DRIVER, error="x")], "broken"),
    "wrong on the cpu":           ([ON_CPU, replace(ON_CPU, proofs=(WRONG,))],            "broken"),
    "import fails, no gpu":       ([ON_CPU, BackendReport("jax", error="ImportError")],   "none"),
    "nothing works":              ([BackendReport("jax", error="ImportError")],           "broken"),
    "nothing was computed":       ([BackendReport("jax", "0.10")],                        "broken"),
    "nothing at all":             ([],                                                    "broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name):
    reports, expected = VERDICTS[name]
    verdict = judge(reports)
    assert verdict.verdict == expected
    assert verdict.exit_code == {"usable": 0, "none": 1, "broken": 2}[expected]


def test_verdict_says_what_is_wrong():
    assert judge([replace(ON_GPU, proofs=(RIGHT, WRONG))]).reason == (
        "torch on gpu:0: convolution is wrong by 2.5e-01, more than 1e-04"
    )
    assert judge([replace(ON_GPU, proofs=(FAILED,))]).reason == (
        "torch on gpu:0: matrix product failed: RuntimeError: no kernel image is available"
    )
    assert judge([ON_GPU]).reason == "NVIDIA H100 computes right with torch"
    assert judge([ON_CPU, BackendReport("jax", error="broken")]).reason.endswith("with openvino; jax: broken")


#    name               driver                             build                              reason
REASONS = {
    "no driver":        (NO_DRIVER,                        Build("12.5.1", "9"),              "has no NVIDIA driver$"),
    "cpu-only build":   (DRIVER,                           Build(),                           "CPU only; "),
    "old driver":       (replace(DRIVER, cuda="11.4"),     Build("12.5.1", "9"),              r"too old.* up to 11\.4"),
    "libraries":        (DRIVER,                           Build("12.5", missing=("a.so",)),  "missing: a.so; pip"),
    "its own words":    (DRIVER,                           Build("12.5", message="Error 3"),  "says: Error 3$"),
    "no words":         (DRIVER,                           Build("12.5", "9", "12.5", "9.1"), "--debug"),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("backend", [row.name for row in BACKENDS.values() if row.trains])  # those on NVIDIA's GPUs
def test_reason(backend, name):
    driver, build, reason = REASONS[name]
    assert re.search(reason, why_no_gpu(backend, driver, build))


def test_versions_are_written_as_nvidia_does():
    assert [cuda_version(number) for number in (12040, 13000, 0)] == ["12.4", "13.0", ""]
    assert [cudnn_version(number) for number in (90100, 8907, 91002, 0)] == ["9.1.0", "8.9.7", "9.10.2", ""]


class NumPyComputer:
    """A backend that computes with NumPy, and then spoils the result."""

    def __init__(self, spoil):
        self._spoil = spoil

    def prepare(self, task, left, right, device):
        result = (left @ right if task == "matrix_product" else convolve(left, right)).astype(np.float32)
        return lambda: self._spoil(result.copy())

    def wait(self, result):
        pass

    def fetch(self, task, result):
        return result


def nan_somewhere(result):
    result[1, 1] = np.nan
    return result


#    name                  what happens to the result      right
SPOILERS = {
    "untouched":          (lambda result: result,          True),
    "last bit":           (lambda result: result * np.float32(1 + 1e-7), True),
    "zeros":              (np.zeros_like,                  False),
    "shifted by one":     (lambda result: np.roll(result, 1, -1), False),
    "TensorFloat-32":     (lambda result: result * (1 + 2.0**-11), False),
    "not a number":       (nan_somewhere,                  False),
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", SPOILERS)
def test_wrong_result_is_flagged(task, name, monkeypatch):
    monkeypatch.setattr("probe.compute.TIMED_SECONDS", 0)
    monkeypatch.setattr("probe.compute.SIZES", {"convolution": (3, 3), "matrix_product": (128, 128)})
    spoil, right = SPOILERS[name]
    proof = prove(NumPyComputer(spoil), task, "gpu:0", cpu_gflops=1.0)
    assert proof.right is right
    assert bool(proof.error) is (name == "not a number")
    json.dumps(proof.difference, allow_nan=False)


def test_result_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match=r"shape \(2, 128\), not \(128, 128\)"):
        relative_difference(np.zeros((2, 128)), workload("matrix_product", 128))


def test_convolution_is_the_textbook_one():
    """One pixel of one picture, by the definition."""
    pictures, kernels = np.random.default_rng(0).random((1, 5, 6, 2)), np.random.default_rng(1).random((3, 3, 2, 4))
    expected = sum(pictures[0, 1 + i, 2 + j] @ kernels[i, j] for i in range(3) for j in range(3))
    np.testing.assert_allclose(convolve(pictures, kernels)[0, 2, 3], expected)
    corner = sum(pictures[0, i - 1, j - 1] @ kernels[i, j] for i in (1, 2) for j in (1, 2))
    np.testing.assert_allclose(convolve(pictures, kernels)[0, 0, 0], corner)


def test_messages_add_up_to_a_report():
    report = BackendReport("torch")
    gpu = {"model": "H100", "memory_bytes": 1, "compute_capability": "9.0"}
    report = add_message(report, {"driver": {"version": "1", "cuda": "13.0", "gpus": [gpu], "error": ""}})
    report = add_message(report, {"proofs": [{"device": "cpu", "task": "convolution", "right": True}]})
    report = add_message(report, {"proofs": [{"device": "gpu:0", "task": "convolution", "right": False}]})
    assert report.driver.gpus == (NvidiaGpu("H100", 1, "9.0"),)
    assert [proof.device for proof in report.proofs] == ["cpu", "gpu:0"]
