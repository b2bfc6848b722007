"""The folder that a run writes its classifier to: made, cleared, and never overwritten by surprise."""

import os
import shutil
from pathlib import Path

from classifiers.folder import LABELS_FILE, MODEL_FILE, SPEC_FILE
from errors import UsageError
from outputs.predictions import PREDICTIONS_FILE
from training.options import OPTIONS_FILE, Options, save_options

MANIFEST_FILE, HISTORY_FILE, PLOT_FILE = "manifest.csv", "history.csv", "history.png"
TEST_FILE = "test.json"
FILES = (
    MODEL_FILE, LABELS_FILE, SPEC_FILE, OPTIONS_FILE, MANIFEST_FILE, HISTORY_FILE, PLOT_FILE, TEST_FILE,
    PREDICTIONS_FILE,
)  # fmt: skip
CHECKPOINTS, FINISHED, TENSORBOARD = "checkpoints", ".finished-checkpoints", "tensorboard"


def prepare_output(output: Path, options: Options, force: bool, resume: bool) -> None:
    """Make the folder and save the options in it; with `force`, first remove the run that is in it.

    Files that are not a run's are never removed. Raises UsageError when there is something in the
    folder and neither `force` nor `resume` is given.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        there = os.listdir(output)
        if force:
            _clear(output)
        elif OPTIONS_FILE in there and not resume:
            raise UsageError(f"--output {output} holds a run: --resume goes on with it, --force starts anew")
        elif there and OPTIONS_FILE not in there:
            raise UsageError(f"--output {output} holds other files, such as {min(there)}; give another folder")
        save_options(output, options)
    except OSError as error:
        raise UsageError(f"cannot write to --output {output}: {error.strerror}; give another folder") from error


def _clear(output: Path) -> None:
    for name in FILES:
        (output / name).unlink(missing_ok=True)
    for name in (CHECKPOINTS, FINISHED, TENSORBOARD):
        shutil.rmtree(output / name, ignore_errors=True)


def complete(output: Path) -> None:
    """Remove the checkpoints of a finished run."""
    (output / CHECKPOINTS).rename(output / FINISHED)  # at once, for a checkpoint that is half removed cannot be used
    shutil.rmtree(output / FINISHED)


def is_complete(output: Path) -> bool:
    """Return whether the run in a folder has finished."""
    return (output / SPEC_FILE).exists() and not (output / CHECKPOINTS).exists()
