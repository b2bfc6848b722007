"""Ways out for results: one file each, with a `write(frame, result)`."""

from typing import TYPE_CHECKING, Protocol

from results import Result

if TYPE_CHECKING:
    from sources.frames import Frame


class EnoughSeen(Exception):
    """What an output raises to end the run: somebody has closed the window of a camera."""


class Output(Protocol):
    """What takes each picture with what was found out about it."""

    draws: bool = False  # whether it draws on the picture, which the Frame has then to keep
    copies: bool = False  # whether it copies the picture, which the Frame has then to keep if it is no file

    def write(self, frame: "Frame", result: Result) -> None:
        """Take one picture; raises ImageError when that fails for this one, and UsageError when it would for all."""

    def lacks(self, _source: str) -> bool:
        """Return whether a picture that has its row already is wanted once more, since an earlier run broke off."""
        return False

    def finish(self) -> int:
        """Make what needs all pictures; return how much of that failed, each of which is logged."""
        return 0

    def break_off(self) -> None:
        """Keep what there is of a run that Ctrl-C has ended."""
        return
