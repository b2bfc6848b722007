"""Results for people: the best labels with their probabilities, as the tutorials print them."""

import re
from typing import TextIO

from results import Result


class TextOutput:
    """Prints a block for each result, headed by its path when there are several."""

    def __init__(self, stream: TextIO, headed: bool) -> None:
        self._stream = stream
        self._headed = headed
        self._separator = ""

    def write(self, result: Result) -> None:
        """Print the predictions of one picture."""
        if self._headed:
            self._stream.write(f"{self._separator}{printable(result.source)}\n")
            self._separator = "\n"
        for rank, prediction in enumerate(result.predictions, start=1):
            self._stream.write(f"{rank}. {prediction.label}: {prediction.score:.2%}\n")
        self._stream.flush()


def printable(text: str) -> str:
    """Escape control characters, so that a file's name cannot break lines or steer a terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: repr(match[0])[1:-1], text)
