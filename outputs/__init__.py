"""Ways out for results: one file each, with a `write(frame, result)`."""

from typing import TYPE_CHECKING, Protocol

from results import Result

if TYPE_CHECKING:
    from sources.frames import Frame


class Output(Protocol):
    """What takes each picture with what was found out about it."""

    draws: bool  # whether it draws on the picture, which the Frame has then to keep
    copies: bool  # whether it copies the picture, which the Frame has then to keep if it is no file

    def write(self, frame: "Frame", result: Result) -> None:
        """Take one picture; raises ImageError when that fails for this one, and UsageError when it would for all."""
