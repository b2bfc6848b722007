"""Results for people: the best labels with their probabilities, as the tutorials print them."""

from console.text import printable
from results import Result

NO_LABEL = "no label reaches the threshold"


class TextFormat:
    """A block for each result, headed by its path when there are several."""

    header = ""

    def __init__(self, headed: bool = True) -> None:
        self.shows_errors = headed
        self._separator = ""

    def row(self, result: Result) -> str:
        """Return the block of one picture; without a heading, an error is left to the messages."""
        ranked = enumerate(result.predictions, start=1)
        lines = [f"{rank}. {label}: {score:.2%}" for rank, (_id, label, score) in ranked]
        if result.error:
            lines = [f"error: {printable(result.error)}"] if self.shows_errors else []
        elif not lines:
            lines = [NO_LABEL]
        if self.shows_errors:
            lines.insert(0, f"{self._separator}{printable(result.source)}")
            self._separator = "\n"
        return "".join(f"{line}\n" for line in lines)

    def footer(self) -> str:
        """Return nothing: the rows say it all."""
        return ""
