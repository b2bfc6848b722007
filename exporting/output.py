"""The folder of an export: it appears whole or not at all, and replaces nothing but an earlier export."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from classifiers.folder import LABELS_FILE
from errors import UsageError
from exporting.formats import FORMATS
from files import written_whole

CARD_FILE = "model.json"
USE_FILE = Path(__file__).resolve().parent.parent / "usage" / "use_exported.py"  # is copied to every export


def check_output(folder: Path, force: bool) -> None:
    """Raise UsageError unless an export may be written: to a new or empty folder, or with `force` over another."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file; give a folder")
    there = sorted(os.listdir(folder)) if folder.exists() else []
    others = [name for name in there if name not in _own_names()]
    if others or (there and CARD_FILE not in there):
        raise UsageError(f"--output {folder} holds other files, such as {(others or there)[0]}; give another folder")
    if there and not force:
        raise UsageError(f"--output {folder} holds an export; --force replaces it")


def _own_names() -> set[str]:
    """Return what can be in the folder of an export."""
    files = {row.file_name(precision) for row in FORMATS.values() for precision in row.precisions}
    beside = {
        str(Path(row.file_name(precision)).with_suffix(suffix))
        for row in FORMATS.values()
        for precision in row.precisions
        for suffix in row.also
    }
    return {LABELS_FILE, CARD_FILE, USE_FILE.name} | files | beside


@contextlib.contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write an export to, which takes the place of `folder` at the end; an error leaves no trace."""
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(folder) as unfinished:
            unfinished.mkdir()
            yield unfinished
            if folder.exists():
                shutil.rmtree(folder)
    except OSError as error:
        raise UsageError(f"cannot write to --output {folder}: {error.strerror}; give another folder") from error
