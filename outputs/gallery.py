"""The run as one page: pictures under their labels, to filter, to sort and to look at in a browser."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from console.text import readable
from drawing.pages import GALLERY
from drawing.thumbnails import shrink
from errors import ImageError, UsageError
from labels import ClassLabel
from outputs import Output
from outputs.album import MOST_INSIDE, SIDE, Album
from outputs.rows import shortest
from results import Result

if TYPE_CHECKING:
    from outputs.explain import ExplainedOutput
    from sources.frames import Frame

MAKER = ("classify_image.py", "--gallery")

logger = logging.getLogger("suite")


class GalleryOutput(Output):
    """Makes the page when the run ends, also by Ctrl-C; it is written whole or not at all.

    With `explained`, what the model looked at is shown beside each picture. What exists is overwritten only with
    `overwrite`, or, when a run `goes_on`, if it is such a page. Raises UsageError when it may not or cannot be written.
    """

    draws = True

    def __init__(
        self,
        path: str,
        model: str,
        labels: Sequence[ClassLabel],
        max_pixels: int,
        explained: "ExplainedOutput | None" = None,
        overwrite: bool = False,
        goes_on: bool = False,
        most_inside: int = MOST_INSIDE,
    ) -> None:
        self._album = Album(path, MAKER, overwrite, goes_on, most_inside)
        self._model = model
        self._names = distinct_names(labels)
        self._max_pixels = max_pixels
        self._explained = explained

    def write(self, frame: "Frame", result: Result) -> None:
        """Keep a row and a small copy of the picture that `frame` has kept."""
        row: dict[str, Any] = {
            "path": readable(result.source),
            "link": self._album.link_to(result.source) if not result.error else "",
            "labels": [
                [readable(self._names[ClassLabel(class_id, label)]), shortest(score)]
                for class_id, label, score in result.predictions
            ],
            "error": readable(result.error),
        }
        if not result.error:
            row |= self._keep_pictures(frame, result)
        self._album.add(row)

    def lacks(self, _source: str) -> bool:
        """Return True: a page shows the whole run, and of what an earlier process did only the rows are left."""
        return True

    def finish(self) -> int:
        """Write the page."""
        self._write_page(is_whole=True)
        return 0

    def break_off(self) -> None:
        """Write the page of what was answered, if that is anything."""
        if self._album.count and not self._album.is_written:
            try:
                self._write_page(is_whole=False)
            except UsageError as error:
                logger.error("error: %s", error)

    def _keep_pictures(self, frame: "Frame", result: Result) -> dict[str, str]:
        try:
            image = shrink(frame.picture, self._max_pixels, SIDE, result.source)
        except ImageError:  # of a part that the model does not see
            return {}
        kept = {"picture": self._album.keep(image)}
        if self._explained is not None:
            label, score, seen = next(self._explained.look(np.asarray(image), frame, result))
            kept |= {
                "heat": self._album.keep(Image.fromarray(seen), "-heat"),
                "seen": f"{readable(label)}: {score:.1%}",
            }
        return kept

    def _write_page(self, is_whole: bool) -> None:
        self._album.write("gallery.html", GALLERY, model=self._model, is_whole=is_whole)


def distinct_names(labels: Sequence[ClassLabel]) -> dict[ClassLabel, str]:
    """Return a name for each label, with the class id where two share one: ImageNet has two kinds of crane."""
    counts = Counter(label.label for label in labels)
    return {label: f"{label.label} ({label.class_id})" if counts[label.label] > 1 else label.label for label in labels}
