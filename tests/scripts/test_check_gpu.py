"""check_gpu.py: as a user runs it, and the processes that it starts."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields

import pytest
from conftest import ROOT

import check_gpu
from engines.nvidia import NvidiaDriver, NvidiaGpu, has_nvidia_gpu
from labels import read_labels
from probe.children import Child
from probe.compute import TASKS
from probe.reports import LOOKED, PICTURE_CLASS, BackendReport, Device, add_message
from probe.verdict import judge, status

PAGE = (ROOT / "docs" / "check_gpu.md").read_text(encoding="utf-8")
FRAMEWORKS = ("tensorflow", "keras", "jax", "torch", "openvino", "numpy")
needs_no_gpu = pytest.mark.skipif(has_nvidia_gpu(), reason="this machine has a GPU")


@pytest.fixture(scope="module")
def check(run):
    return lambda *arguments, **environment: run("check_gpu.py", *arguments, **environment)


@pytest.fixture(scope="module")
def finished(check):
    return check("--format", "jsonl")


@pytest.fixture(scope="module")
def objects(finished):
    return [json.loads(line) for line in finished.stdout.splitlines()]


@needs_no_gpu
def test_exit_code_and_verdict_on_a_machine_without_a_gpu(finished, objects):
    *reports, verdict = objects
    assert finished.returncode == verdict["exit_code"] == 1
    assert verdict["verdict"] == "none"
    assert "the CPU computes right with openvino, tensorflow" in verdict["reason"]
    assert [report["backend"] for report in reports] == ["openvino", "tensorflow", "jax", "torch"]
    assert {report["status"] for report in reports} <= {"cpu", "missing"}


def test_every_installed_backend_proves_its_cpu(objects):
    for report in objects[:-1]:
        proofs = [proof for proof in report["proofs"] if proof["device"] == "cpu" and proof["task"] in TASKS]
        assert len(proofs) == len(TASKS) * report["installed"]
        assert all(proof["right"] and proof["difference"] < 1e-5 and proof["gflops"] > 1 for proof in proofs)
        assert not report["installed"] or report["version"]


def test_a_picture_is_classified(objects):
    answers = [proof["label"] for report in objects[:-1] for proof in report["proofs"] if proof["score"]]
    assert answers
    assert set(answers) == {"espresso"}
    assert read_labels()[PICTURE_CLASS].label == "espresso"


def test_every_field_is_documented(objects):
    names = {field.name for kind in (Device, NvidiaGpu) for field in fields(kind)}
    for found in objects:
        names |= {*found, *found.get("driver", ()), *found.get("build", ())}
        names |= {name for proof in found.get("proofs", ()) for name in proof}
    assert names - set(re.findall(r"`(\w+)`", PAGE)) == set()


@needs_no_gpu
def test_text_ends_with_the_verdict_and_nothing_else_is_said(check):
    finished = check("--backend", "openvino", "--quiet")
    assert (finished.returncode, finished.stderr) == (1, "")
    first, *_, last = finished.stdout.splitlines()
    assert re.fullmatch(r"openvino 20\d\d\.\d+\.\d+: no usable GPU", first)
    assert re.search(r"^  cpu +classification +right  espresso 9\d\.\d\d%$", finished.stdout, re.MULTILINE)
    assert re.search(r"^  cpu +convolution +right  off by \d.* GFLOP/s$", finished.stdout, re.MULTILINE)
    assert last.startswith("none: no usable GPU: ")


def test_help_opens_with_examples_and_imports_no_framework():
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "check_gpu.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in finished.stderr.splitlines()}
    assert finished.returncode == 0
    assert imported.isdisjoint(FRAMEWORKS)
    assert "    python check_gpu.py\n" in finished.stdout.partition("usage:")[0]


def test_unknown_backend_is_refused_with_those_that_there_are(check):
    finished = check("--backend", "theano")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "'theano'" in finished.stderr
    assert "tensorflow" in finished.stderr


def test_backend_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("probe.children.is_installed", lambda backend: False)
    report = ask(None, "jax")
    assert report.error == "not installed; pip install jax"
    assert judge([report]).reason == "nothing works: jax: not installed; pip install jax"
    first, *rest = check_gpu.text_lines([report], judge([report]), read_labels())
    assert (first, rest[0]) == ("jax: not installed; pip install jax", "")


def ask(program: str | None, backend: str = "openvino", timeout: float = 60) -> BackendReport:
    """Run a child that executes `program` in place of the probe."""
    child = Child(backend, timeout, command=[sys.executable, "-c", f"import json, os, sys, time\n{program}"])

    async def both_parts():
        try:
            await child.look(b"\0" * 150_528)
            await child.measure()
        finally:
            await child.end()

    asyncio.run(both_parts())
    return child.report


SEES_GPU = 'print(json.dumps({"version": "1", "devices": [{"name": "gpu:0", "model": "X"}]}), flush=True)\n'
SAYS = f'print(json.dumps({{"phase": "{LOOKED}"}}), flush=True)\n'


def test_child_that_crashes_keeps_what_it_said():
    report = ask(f"{SEES_GPU}sys.stderr.write('CUDA failure 700\\n'); sys.stderr.flush(); os.abort()")
    assert report.devices == (Device("gpu:0", "X"),)
    assert report.error == "its process was killed by SIGABRT: CUDA failure 700"
    assert (status(report), judge([report]).exit_code) == ("broken", 2)


def test_child_that_crashes_while_it_measures():
    report = ask(f"{SEES_GPU}{SAYS}sys.stdin.buffer.read(150_528); sys.stdin.readline(); os._exit(7)")
    assert report.error == "its process ended too early, with exit code 7"


def test_child_that_ends_without_a_word_is_no_success():
    assert ask("sys.exit(0)").error == "its process ended too early, with exit code 0"


@pytest.mark.parametrize("program", [SEES_GPU, SEES_GPU + SAYS], ids=["as it looks", "as it measures"])
def test_child_that_hangs_is_ended(program):
    report = ask(f"{program}time.sleep(600)", timeout=2)
    assert report.error.startswith("no answer in 2 seconds (--timeout SECONDS gives it more)")
    assert report.seconds < 60
    assert status(report) == "broken"


def test_failure_of_one_backend_leaves_the_others(check, tmp_path):
    """An OpenVINO that cannot be imported, in a folder of its own; TensorFlow goes on."""
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("raise ImportError('libopenvino.so: wrong ELF class')")
    finished = check("--backend", "openvino", "tensorflow", "-q", PYTHONPATH=str(tmp_path))
    assert "error: ImportError: libopenvino.so: wrong ELF class" in finished.stdout
    assert re.search(r"^tensorflow .*GPU$", finished.stdout, re.MULTILINE)
    assert "Traceback" not in finished.stdout + finished.stderr
    assert "; openvino: ImportError" in finished.stdout.splitlines()[-1]


DRIVER_SOURCE = """
#include <string.h>
int cuInit(unsigned flags) { return CODE; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return CODE; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, device ? "Second" : "First", size); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 85899345920u * (device + 1); return 0; }
int cuDeviceGetAttribute(int *value, int which, int device) { *value = which == 75 ? 9 : device; return 0; }
int cuGetErrorString(int code, const char **text) { *text = "system not yet initialized"; return 0; }
"""


@pytest.fixture
def read_driver(tmp_path):
    """Read a driver whose every call returns the CUDA error given; compiled here, as the real one is a C library."""

    def read(code: int, **environment: str) -> NvidiaDriver:
        (tmp_path / "cuda.c").write_text(DRIVER_SOURCE)
        library = tmp_path / "libcuda.so.1"
        subprocess.run(["cc", "-shared", "-fPIC", f"-DCODE={code}", tmp_path / "cuda.c", "-o", library], check=True)
        program = (
            "import dataclasses, json, engines.nvidia as n; print(json.dumps(dataclasses.asdict(n.read_driver())))"
        )
        text = subprocess.check_output(
            [sys.executable, "-c", program], cwd=ROOT, env=os.environ | environment | {"LD_LIBRARY_PATH": str(tmp_path)}
        )
        return add_message(BackendReport("torch"), {"driver": json.loads(text)}).driver

    return read


needs_compiler = pytest.mark.skipif(not shutil.which("cc") or sys.platform != "linux", reason="compiles a library")


@needs_compiler
def test_driver_names_its_gpus(read_driver):
    driver = read_driver(0)
    assert (driver.cuda, driver.error) == ("13.0", "")
    assert driver.gpus == (NvidiaGpu("First", 80 * 2**30, "9.0"), NvidiaGpu("Second", 160 * 2**30, "9.1"))


@needs_compiler
def test_driver_that_does_not_start_says_why(read_driver):
    assert read_driver(802).error.startswith(
        "NVIDIA's driver does not start: system not yet initialized (CUDA error 802)"
    )
    hidden = read_driver(100, CUDA_VISIBLE_DEVICES="")
    assert (hidden.gpus, hidden.error) == ((), "NVIDIA's driver sees no GPU (CUDA_VISIBLE_DEVICES='' hides the others)")
