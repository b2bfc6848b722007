"""What a run was made with, which is kept beside its results, and which one that goes on with it has to share."""

import json
import os
from collections.abc import Callable

from errors import UsageError

FOLDER = "folder"  # the entry that says where relative paths start from


def to_keep(made_with: dict, folder: str) -> str:
    """Return the text that says what a run was made with, and in which folder."""
    return json.dumps(made_with | {FOLDER: folder}, indent=2) + "\n"


def folder_of_run(name: str, file: str, read: Callable[[], bytes], now: dict) -> str:
    """Return the folder that a run was started in, of which `read` gives what was kept in `file`.

    Raises UsageError when that cannot be read, or when the results called `name` were made with something else.
    """
    try:
        was = json.loads(read())
        folder = os.fspath(was.pop(FOLDER))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"cannot go on with {name}, because {file}, which says how it was made, cannot be read; "
            "--force without --resume starts anew"
        ) from error
    _check_same(name, was, now)
    return folder


def _check_same(name: str, was: dict, now: dict) -> None:
    for option in sorted(was.keys() | now.keys()):
        if was.get(option) != now.get(option):
            raise UsageError(
                f"{name} was made with {option} {was.get(option)}, and not {now.get(option)}; "
                "give the same options to go on with it, or --force without --resume to start anew"
            )
