"""Ctrl-C where Python or a library would print it or turn it into something else, and at the end of a script."""

import signal
import subprocess
import sys

import pytest
from conftest import ROOT

pytest.importorskip("resource", reason="signals of Unix")

SCRIPT = """
import interrupts
interrupts.exit_at_once()
import atexit, ctypes, os, signal, sys, threading
from console import run_script
def press():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(100):
        pass
class Destroyed:
    def __del__(self):
        press()
def printed():
    ctypes.pythonapi.PyRun_SimpleString(b"import __main__; __main__.press()")
def converted():
    try:
        press()
    except KeyboardInterrupt:
        raise RuntimeError
def twice():
    try:
        press()
    finally:
        press()
def late():
    atexit.register(press)
    return 0
def after_a_failure():
    atexit.register(press)
    open("/nowhere")
def with_a_word():
    try:
        press()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("a\\nb") from None
def swallowed_once():
    try:
        press()
    except:
        interrupts.SAME_SECONDS = 0
    press()
def wait_after(what):
    what()
    threading.Event().wait(60)
    return 0
"""


def run(main, before="", **options):
    """Run a script with this main(); return its exit code and what it says."""
    program = f"{SCRIPT}\n{before}\nsys.exit(run_script(lambda: {main}))"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored in a background job
        **{"stderr": subprocess.PIPE} | options,
    )  # fmt: skip
    return finished.returncode, (finished.stderr or b"").decode()


@pytest.mark.parametrize(
    "main",
    ["press()", "converted()", "twice()", "swallowed_once()", "wait_after(printed)", "wait_after(Destroyed)"],
)  # fmt: skip
def test_one_line(main):
    assert run(main) == (130, "interrupted\n")


def test_what_is_said_stays_one_line():
    assert run("with_a_word()") == (130, "interrupted: a\\nb\n")


def test_before_main():
    assert run("0", before="press()") == (130, "interrupted\n")


def test_after_the_end_changes_nothing():
    assert run("late()") == (0, "")
    code, messages = run("after_a_failure()")
    assert code == 2
    assert messages.count("\n") == 1


def test_end_that_takes_long_can_be_cut_short():
    assert run("late()", before="interrupts.SAME_SECONDS = 0") == (130, "")


@pytest.mark.parametrize("before", ["", "press()"])
def test_closed_stderr(before):
    assert run("press()", before=f"sys.stderr = None\n{before}")[0] == 130
