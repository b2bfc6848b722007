"""Pictures that have their row, but that an output lacks, for an earlier run broke off before it was done with them."""

from collections import defaultdict
from collections.abc import Sequence

from outputs import Output
from outputs.rows import Results


class OnceMore:
    """Which pictures of a resumed run are left out, and which are looked at once more without a second row."""

    def __init__(self, results: Results, outputs: Sequence[Output]) -> None:
        self._results = results
        self._outputs = outputs
        self._on_their_way: defaultdict[str, list[Sequence[Output]]] = defaultdict(list)  # a path may be given twice

    def is_done(self, source: str) -> bool:
        """Return whether to leave a picture out; to be asked once for each, in order."""
        if not self._results.has_row(source):
            return False
        lacking = [output for output in self._outputs if output.lacks(source)]
        if lacking:
            self._on_their_way[source].append(lacking)
        return not lacking

    def take(self, source: str) -> Sequence[Output] | None:
        """Return the outputs that lack a picture which has its row already, or None for one that has none."""
        if source not in self._on_their_way:
            return None
        lacking = self._on_their_way[source].pop(0)
        if not self._on_their_way[source]:
            del self._on_their_way[source]
        return lacking
