"""Pictures that have their row, but that an output lacks, for an earlier run broke off before it was done with them."""

from collections.abc import Sequence

from outputs import Output
from outputs.rows import Results


class OnceMore:
    """Which pictures of a resumed run are left out, and which are looked at once more without a second row."""

    def __init__(self, results: Results, outputs: Sequence[Output]) -> None:
        self._results = results
        self._outputs = outputs
        self._sources: set[str] = set()  # that are on their way

    def is_done(self, source: str) -> bool:
        """Return whether to leave a picture out; to be asked once for each, in order."""
        if not self._results.has_row(source):
            return False
        is_lacking = any(output.lacks(source) for output in self._outputs)
        if is_lacking:
            self._sources.add(source)
        return not is_lacking

    def take(self, source: str) -> bool:
        """Return whether a picture that was answered has its row already."""
        is_there = source in self._sources
        self._sources.discard(source)
        return is_there
