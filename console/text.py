"""Text for terminals and narrow places: shortened, without what steers a terminal, and sizes as people read them."""

import re


def shorten(text: str, letters: int) -> str:
    """Return the beginning of a text that is too long for its place."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def end_of(text: str, letters: int) -> str:
    """Return the end of a text that is too long for its place: of a path, what tells it from others."""
    return text if len(text) <= letters else f"…{text[-letters + 1 :]}"


def readable(text: str) -> str:
    """Return a name or a path for people: what is not UTF-8 in it, or steers a terminal, is replaced."""
    whole = re.sub(r"[\ud800-\udc7f\udd00-\udfff]", "\N{REPLACEMENT CHARACTER}", text)  # half a letter, as in Windows
    return printable(whole.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def printable(text: str) -> str:
    """Escape control characters, so that a file's name cannot break lines or steer a terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: repr(match[0])[1:-1], text)


def bytes_as_text(count: int) -> str:
    """Return a number of bytes as people read it, with three digits, in powers of 1,000."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 0.9995 * size:  # what is rounded to 1,000 of a unit is 1 of the next
            value = count / size
            return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    return f"{count} bytes"
