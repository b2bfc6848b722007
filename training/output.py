"""The folder that a run writes its classifier to: made, cleared, and never overwritten by surprise."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from classifiers.folder import (
    BACKBONE_FILES,
    HISTORY_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    PLOT_FILE,
    SPEC_FILE,
    TEST_FILE,
    TRAINING_FILE,
    USE_FILE,
)
from errors import UsageError
from evaluation.output import METRICS_FILE, REPORT_FILES, REPORT_FOLDERS
from files import UNFINISHED
from outputs.predictions import PREDICTIONS_FILE
from training.options import Options, save_options

FILES = (  # names and patterns
    SPEC_FILE, MODEL_FILE, LABELS_FILE, MANIFEST_FILE, HISTORY_FILE, PLOT_FILE, TEST_FILE, PREDICTIONS_FILE,
    METRICS_FILE, *REPORT_FILES, USE_FILE, BACKBONE_FILES,
    TRAINING_FILE,
)  # fmt: skip
CHECKPOINTS, FINISHED, TENSORBOARD = "checkpoints", ".finished-checkpoints", "tensorboard"


def prepare_output(output: Path, options: Options, force: bool, resume: bool) -> None:
    """Make the folder and save the options in it; with `force`, first remove the run that is in it.

    Files that are not a run's are never removed. Raises UsageError when there is something in the
    folder and neither `force` nor `resume` is given, and when there is no run, but files called like one's.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        there = os.listdir(output)
        others = [name for name in there if not name.startswith(UNFINISHED)]  # than a run left that was just begun
        if force:
            others = [path.name for path in _called_like_ours(output)]
        if others and TRAINING_FILE not in there:
            raise UsageError(f"--output {output} holds other files, such as {min(others)}; give another folder")
        if force:
            _clear(output)
        elif TRAINING_FILE in there and not resume:
            raise UsageError(f"--output {output} holds a run: --resume goes on with it, --force starts anew")
        save_options(output, options)
    except OSError as error:
        raise UsageError(f"cannot write to --output {output}: {error.strerror}; give another folder") from error


def _clear(output: Path) -> None:
    """Remove a run: first what makes it complete, last what makes it a run, for this may be interrupted."""
    (output / SPEC_FILE).unlink(missing_ok=True)
    remove_checkpoints(output)
    shutil.rmtree(output / TENSORBOARD, ignore_errors=True)
    for path in _called_like_ours(output):
        path.unlink()
    for name in REPORT_FOLDERS:
        with contextlib.suppress(OSError):  # it is not there, or holds other files
            (output / name).rmdir()


def _called_like_ours(output: Path) -> Iterator[Path]:
    return (path for pattern in FILES for path in sorted(output.glob(pattern)))


def remove_checkpoints(output: Path) -> None:
    """Remove the checkpoints of a run that is over, at once: one that is half removed cannot be used."""
    shutil.rmtree(output / FINISHED, ignore_errors=True)
    if (output / CHECKPOINTS).exists():
        (output / CHECKPOINTS).rename(output / FINISHED)
        shutil.rmtree(output / FINISHED)


def is_complete(output: Path) -> bool:
    """Return whether the run in a folder has finished."""
    return (output / SPEC_FILE).exists() and not (output / CHECKPOINTS).exists()
