"""What writing pictures has in common: where they may go, and that each is written whole or not at all."""

import contextlib
import errno
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pathvalidate import sanitize_filename

from errors import ImageError, UsageError
from outputs.workspace import Workspace

HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # that no other picture will fare better with
NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class CopiesFolder:
    """The folder of one option for copies of pictures, which may be in a folder that is searched, but not around it.

    Several runs may fill it at the same time. Raises UsageError when it contains an input, or cannot be written to.
    """

    def __init__(self, option: str, folder: str, inputs: Sequence[str]) -> None:
        for path in inputs:
            if os.path.exists(path) and _resolve(path).is_relative_to(_resolve(folder)):
                raise UsageError(f"{option} {folder} holds the input {path}; give a folder of its own")
        self.path = Path(folder)
        try:
            os.makedirs(folder, exist_ok=True)
            self._workspace = Workspace(self.path)
        except OSError as error:
            raise UsageError(f"cannot write to {option} {folder}: {error.strerror}") from error

    def save(self, target: Path, source: str, make: Callable[[Path], object], overwrite: bool = False) -> bool:
        """Have `make` write a file, and move it to `target`, so that no link is followed.

        Return False, with nothing changed, when there is something at `target` and `overwrite` is not given.
        Raises ImageError when saving fails for this picture, and UsageError when it would for all.
        """
        with _errors_of(target, source):
            try:
                return _save(self._workspace, target, make, overwrite)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            return _save(Workspace(target.parent), target, make, overwrite)  # a part of the folder is on another disk

    def link(self, target: Path, source: str) -> bool:
        """Make `target` a symbolic link to a picture; return False when there is something. Raises as `save` does."""
        with _errors_of(target, source):
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.symlink(os.path.abspath(source), target)
                return True
            return False


def relative_path(source: str, root: str) -> Path:
    """Return where a picture's copy goes in a folder that mirrors the folder `root` of the inputs.

    What lies elsewhere has its whole path there. The path of what is no file is made safe for any system.
    """
    if "://" in source and not os.path.lexists(source):
        return Path(*map(file_name, filter(None, source.split("/"))))
    absolute = Path(os.path.abspath(source))
    path = absolute.relative_to(root if absolute.is_relative_to(root) else absolute.anchor)
    return path if os.path.lexists(absolute) else Path(*map(_safe, path.parts))


def file_name(text: str) -> str:
    """Return a text as the name of a file or folder that every system takes."""
    return _safe(text).strip(".") or "_"


def _safe(text: str) -> str:
    return sanitize_filename(text, replacement_text="_", platform="universal", max_len=200)


@contextlib.contextmanager
def _errors_of(target: Path, source: str) -> Iterator[None]:
    """Refuse to save a picture over itself, and say what of an OSError concerns this picture, and what all."""
    try:
        if _is_same_place(target, source):
            raise ImageError(f"{target} is the picture itself")
        yield
    except OSError as error:
        kind = UsageError if error.errno in HOPELESS else ImageError
        raise kind(f"cannot save {target}: {error.strerror}") from error


def _save(workspace: Workspace, target: Path, make: Callable[[Path], object], overwrite: bool) -> bool:
    with workspace.file() as unfinished:
        make(unfinished)
        target.parent.mkdir(parents=True, exist_ok=True)
        if overwrite:
            unfinished.replace(target)
            return True
        return _move_to_new(unfinished, target)


def _move_to_new(path: Path, target: Path) -> bool:
    """Move a file to where nothing is, or return False. A hard link does that in one step; a renaming does not."""
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        if os.path.lexists(target):
            return False
        path.rename(target)
    return True


def _is_same_place(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths are the same entry of the same folder; links in it count as themselves."""
    places = [_resolve(os.path.dirname(path)) / os.path.basename(path) for path in (first, second)]
    return places[0] == places[1]


def _resolve(folder: str) -> Path:
    return _real_path(os.path.abspath(folder))


@functools.lru_cache(maxsize=1024)
def _real_path(folder: str) -> Path:
    return Path(os.path.realpath(folder))
