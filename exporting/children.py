"""Starts the process that carries out an Order, and waits for its answer."""

import logging
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from errors import UsageError
from exporting.order import Order

ROOT = Path(__file__).resolve().parent.parent
ON_THE_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}  # where what is exported is proved

logger = logging.getLogger("suite")


def carry_out(task: str, order: Order) -> dict[str, Any]:
    """Let a process of its own "write" or "run" what is ordered; raises UsageError with the reason why it could not."""
    is_debugging = logger.isEnabledFor(logging.DEBUG)
    environment = os.environ | ON_THE_CPU | {"KERAS_BACKEND": order.format.backend}
    with tempfile.TemporaryFile() as told:
        pickle.dump((order, logger.getEffectiveLevel(), os.getpid()), told)
        told.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "exporting", task], cwd=ROOT, env=environment, stdin=told, stdout=subprocess.PIPE,
            stderr=None if is_debugging else subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, who ends it
        )  # fmt: skip
    try:
        output, _ = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    try:
        answer = pickle.loads(output)
    except (EOFError, pickle.UnpicklingError) as error:
        raise UsageError(
            f"the process that should {task} {order.format_name} ended with exit code {process.returncode} "
            "(-9: was there too little memory?); --debug shows more"
        ) from error
    if isinstance(answer, UsageError):
        raise answer
    return answer
