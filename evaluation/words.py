"""Names and paths in places that are too short for them, or that only take text."""

from outputs.text import printable


def shorten(text: str, letters: int) -> str:
    """Return the beginning of a text that is too long for its place."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def end_of(text: str, letters: int) -> str:
    """Return the end of a text that is too long for its place: of a path, what tells it from others."""
    return text if len(text) <= letters else f"…{text[-letters + 1 :]}"


def readable(text: str) -> str:
    """Return a name or a path for people: what is not UTF-8 in it, or steers a terminal, is replaced."""
    return printable(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
