"""Failures that are not bugs: what was given, what is wrong, what to do."""


class UsageError(Exception):
    """Wrong usage or a missing requirement: the run cannot go on (exit code 2)."""


class ImageError(Exception):
    """One picture cannot be read: it becomes an error row and the run goes on (exit code 1)."""


def first_line(error: Exception) -> str:
    """Return what an exception says in one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
