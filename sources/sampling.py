"""Which frames of a video are looked at."""

import re
from dataclasses import dataclass

from errors import UsageError
from settings import EVERY


@dataclass(frozen=True)
class Sampling:
    """One frame every so many seconds or frames, or one of each scene: one of the three is given."""

    seconds: float = 0
    frames: int = 0
    scenes: bool = False


def parse_sampling(text: str | int | None) -> Sampling:
    """Return what a text such as "1s", "0.5s", "30" (frames) or "scene" means, None being EVERY; raises UsageError."""
    text = EVERY if text is None else str(text).strip()
    if text == "scene":
        return Sampling(scenes=True)
    number = text.removesuffix("s").strip()
    if re.fullmatch(r"[0-9]*\.?[0-9]+", number) and float(number) > 0:
        if number != text:
            return Sampling(seconds=float(number))
        if number.isdigit():
            return Sampling(frames=int(number))
    raise UsageError(f"'{text}' is not a time such as 1s or 0.5s, a number of frames such as 30, or scene")
