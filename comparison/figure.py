"""A figure of several models' answers: each picture beside each model's best labels as bars.

PNG and SVG are drawn with matplotlib; HTML is a page in one file.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from comparison.agreement import Row, Tally
from console.text import end_of, readable, shorten
from drawing.pages import make_page
from drawing.plot import FAINT, FIRST, INK, SECOND
from drawing.sheet import Sheet, render_sheet
from drawing.thumbnails import decode, thumbnail
from errors import UsageError
from files import written_whole
from results import Result
from settings import FIGURE_PICTURES
from sources.frames import Frame

SIDE = 400  # pixels of a picture's longer side
PICTURE_WIDTH, MODEL_WIDTH, HEADER, CAPTION, BAR, GAP = 2.2, 2.7, 0.62, 0.28, 0.26, 0.2  # inches
LETTERS = 25  # of a label
DPI = 120

logger = logging.getLogger("suite")


class Shown(NamedTuple):
    """One picture of the figure."""

    row: Row
    thumbnail: bytes | None  # a JPEG; None when there is none

    @property
    def differs(self) -> set[int]:
        """Which models have another best label than the first model."""
        return set() if self.row.error else {
            number for number, best in enumerate(self.row.best) if best.label != self.row.best[0].label
        }  # fmt: skip


class CompareFigure:
    """Collects the first pictures, and writes the figure when all is known."""

    def __init__(self, path: str, top_k: int, max_pixels: int) -> None:
        self._path = Path(path)
        self._most = FIGURE_PICTURES[self._path.suffix.lower()]
        self.top_k, self._max_pixels = top_k, max_pixels
        self.shown: list[Shown] = []
        self._left_out = 0

    def write(self, frame: Frame, row: Row, seconds: Sequence[float]) -> None:
        """Take one more picture into the figure, if there is room."""
        if len(self.shown) == self._most:
            self._left_out += 1
            return
        small = None if row.error else thumbnail(frame.picture, self._max_pixels, SIDE, frame.source)
        self.shown.append(Shown(row, small))

    def finish(self, tally: Tally, seconds: Sequence[float]) -> None:
        """Write the file, and say so when it has no room for all; raises UsageError when it cannot be written."""
        suffix = self._path.suffix.lower()
        content = _page(self.shown, tally, seconds) if suffix == ".html" else _drawing(self, tally, seconds, suffix[1:])
        if self._left_out:
            hint = "" if suffix == ".html" else f" (a figure in .html takes {FIGURE_PICTURES['.html']})"
            logger.warning("%s shows the first %d of %d pictures%s", self._path, len(self.shown), tally.pictures, hint)
        try:
            with written_whole(self._path) as unfinished:
                unfinished.write_bytes(content)
        except OSError as error:
            raise UsageError(f"cannot write --figure {self._path}: {error.strerror}") from error


def _page(shown: Sequence[Shown], tally: Tally, seconds: Sequence[float]) -> bytes:
    models = [
        {"index": index, "name": name, "ms": time * 1000, "score": float(score), "agreement": list(map(float, shares))}
        for index, (name, time, score, shares) in enumerate(
            zip(tally.names, seconds, tally.mean_scores(), tally.agreement(), strict=True)
        )
    ]
    return make_page("compare.html", models=models, tally=tally, pictures=shown).encode(errors="replace")


def _drawing(figure: CompareFigure, tally: Tally, seconds: Sequence[float], format: str) -> bytes:
    heights = [CAPTION if shown.row.error else CAPTION + max(5, figure.top_k) * BAR for shown in figure.shown]
    width = PICTURE_WIDTH + len(tally.names) * (MODEL_WIDTH + GAP) + GAP
    height = HEADER + sum(heights) + GAP * (len(heights) + 1)

    def draw(sheet: Sheet) -> None:
        sheet.write(GAP, 0.22, tally.sentence(), 9)
        if len(tally.names) > 1:
            sheet.write(GAP, 0.4, f"orange: another best label than {readable(tally.names[0])}", 8, color=SECOND)
        top = HEADER
        for shown, row_height in zip(figure.shown, heights, strict=True):
            _draw_picture(sheet, shown, top, row_height, tally.names, seconds)
            top += row_height + GAP

    return render_sheet(width, height, draw, format, DPI)


def _draw_picture(
    sheet: Sheet, shown: Shown, top: float, height: float, names: Sequence[str], seconds: Sequence[float]
) -> None:
    path = readable(shown.row.path)
    sheet.write(GAP, top + 0.12, end_of(path, 26), 8, weight="bold")
    if shown.row.error:
        sheet.write(PICTURE_WIDTH + GAP, top + 0.12, shorten(readable(shown.row.error), 80), 8, color=SECOND)
        return
    if shown.thumbnail:
        sheet.show(decode(shown.thumbnail), GAP, top + CAPTION, PICTURE_WIDTH - GAP, height - CAPTION, middle=False)
    left = PICTURE_WIDTH + GAP
    for number, (name, time, result) in enumerate(zip(names, seconds, shown.row.results, strict=True)):
        sheet.write(left, top + 0.12, f"{shorten(readable(name), 28)}  {time * 1000:.1f} ms", 8, color=INK)
        color = SECOND if number in shown.differs else FIRST
        _draw_bars(sheet, left, top + CAPTION, result, color)
        left += MODEL_WIDTH + GAP


def _draw_bars(sheet: Sheet, left: float, top: float, result: Result, color: str) -> None:
    for rank, (_class_id, label, score) in enumerate(result.predictions):
        weight, opacity = ("bold", 0.55) if rank == 0 else ("normal", 0.3)
        sheet.bar(left, top, MODEL_WIDTH, 0.84 * BAR, FAINT, 0.35)
        sheet.bar(left, top, MODEL_WIDTH * score, 0.84 * BAR, color, opacity)
        middle = top + 0.42 * BAR
        sheet.write(left + 0.06, middle, shorten(readable(label), LETTERS), 8.5, weight=weight)
        sheet.write(left + MODEL_WIDTH - 0.06, middle, f"{score:.2%}", 8.5, weight=weight, ha="right")
        top += BAR
