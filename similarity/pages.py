"""A page to browse what was found."""

from errors import UsageError
from similarity.index import Index
from similarity.query import Answer


class FoundPage:
    """The page of --gallery; written when its `with` block ends."""

    def __init__(self, path: str, index: Index, force: bool) -> None:
        raise UsageError(f"--gallery is not there yet: {path} {index} {force}")

    def write(self, answer: Answer) -> None:
        """Take what was found for a query."""

    def __enter__(self) -> "FoundPage":
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        return None
