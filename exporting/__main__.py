"""Carry out an Order in a process of its own: `python -m exporting write` or `run`, told by a pickle on stdin.

The answer is a pickle on stdout: a dictionary, or the UsageError that says why there is none.
"""

import contextlib
import importlib.metadata
import logging
import os
import pickle
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from console import EXIT_OK, configure_messages
from errors import UsageError, first_line
from exporting.order import Order, exporter_of

PARENT_SECONDS = 0.1  # between two looks whether it is still there
TIMED_SECONDS, MOST_TIMED = 1.0, 50  # a picture is computed so long, or so often
FULL = 2**20  # a disk is full that has fewer bytes
BATCH = 32  # pictures computed at once, to see that any number of them can be


def main(task: str) -> int:
    """Carry out the order on stdin; return the exit code."""
    order, level, parent = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    configure_messages(quiet=level > logging.INFO, debug=level <= logging.DEBUG)
    answer: dict[str, Any] | UsageError
    try:
        answer = TASKS[task](order)
    except UsageError as error:
        answer = error
    except Exception as error:  # each framework has its own
        if level <= logging.DEBUG:
            raise
        answer = UsageError(_why(task, order, error))
    with contextlib.suppress(BrokenPipeError), answers:  # the parent has ended just now
        pickle.dump(answer, answers)
    return EXIT_OK


def write(order: Order) -> dict[str, Any]:
    """Write the file; return how long that took."""
    exporter = exporter_of(order)
    start = time.perf_counter()
    exporter.write(order)
    return {"seconds": time.perf_counter() - start}


def run(order: Order) -> dict[str, Any]:
    """Run the file one picture at a time and several at once; return both answers, and the time for a picture."""
    predict = exporter_of(order).load(order)
    alone = np.concatenate([predict(order.squares[place : place + 1]) for place in range(len(order.squares))])
    seconds = _time(predict, order.squares[:1])
    starts = range(0, len(order.squares), BATCH)
    together = np.concatenate([predict(order.squares[start : start + BATCH]) for start in starts])
    version = importlib.metadata.version(order.format.runtime)
    return {"alone": alone, "together": together, "seconds": seconds, "version": version}


def _time(predict: Callable[[np.ndarray], np.ndarray], square: np.ndarray) -> float:
    """Return the median of the seconds that one picture takes, by itself."""
    took: list[float] = []
    while len(took) < MOST_TIMED and sum(took) < TIMED_SECONDS:
        start = time.perf_counter()
        predict(square)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _why(task: str, order: Order, error: Exception) -> str:
    name, what = order.classifier.name, f"{order.format_name} in {order.precision}"
    reason = f"{type(error).__name__}: {first_line(error)} (--debug shows where)"
    if task == "run":
        return f"{name} was written, but does not run as {what}: {reason}"
    if shutil.disk_usage(order.path.parent).free < FULL:  # which each framework says in its own words, or does not
        reason = f"the disk of {order.path.parent.parent} is full"
    return f"{name} cannot be written as {what}: {reason}"


def _end_with(parent: int) -> None:
    """End this process at once when its parent has ended, as by SIGTERM."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


TASKS: dict[str, Callable[[Order], dict[str, Any]]] = {"write": write, "run": run}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
