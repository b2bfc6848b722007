"""Pictures worth looking at: confident mistakes, uncertain right answers, and confused pairs."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from console.text import end_of, readable, shorten
from drawing.plot import SECOND, THIRD
from drawing.sheet import Sheet, render_sheet
from drawing.thumbnails import decode, thumbnail
from errors import ImageError
from evaluation.metrics import ConfusedPair, Evaluation
from sources.pictures import Given, named_picture

MOST_MISTAKES, MOST_UNCERTAIN, MOST_PAIRS, MOST_OF_A_PAIR = 96, 12, 12, 6  # pictures; pairs
MOST_AT_ONCE = 24  # pictures of a group in a contact sheet, and in a page that is not filtered
THREADS = 4  # that read pictures
COLUMNS = 6  # of a contact sheet
CELL_WIDTH, PICTURE_HEIGHT, CAPTION, HEADING, GAP = 1.9, 1.7, 0.56, 0.34, 0.16  # inches
LETTERS = 27  # in a line of a caption
DPI = 110


class Entry(NamedTuple):
    """One picture with its label and the model's answer."""

    path: str
    true: str
    predicted: str
    score: float  # of what the model says
    is_suspect: bool = False  # whether the label is probably wrong

    @property
    def is_right(self) -> bool:
        """Whether the answer is the label."""
        return self.true == self.predicted


class Group(NamedTuple):
    """Pictures under a heading of their own, which may be empty."""

    heading: str
    entries: tuple[Entry, ...]
    mistakes: int = 0  # of a confused pair, all of them


@dataclass(frozen=True)
class Gallery:
    """Pictures to look at together."""

    name: str  # of its file
    title: str
    about: str
    groups: tuple[Group, ...]


def list_galleries(evaluation: Evaluation) -> list[Gallery]:
    """Return the galleries of a model that have something to show."""
    answers = evaluation.answers
    right = np.flatnonzero(answers.right)
    confident = confident_mistakes(evaluation)
    uncertain = right[np.argsort(answers.score[right], kind="stable")]
    galleries = [
        Gallery(
            "confident_mistakes", "Most confident mistakes",
            "The mistakes that the model was most sure about. Wrong labels show up here, too.",
            (Group("", _entries(evaluation, confident[:MOST_MISTAKES])),),
        ),
        Gallery(
            "uncertain_right", "Least certain right answers",
            "Right answers with the lowest scores: what the model finds hard.",
            (Group("", _entries(evaluation, uncertain[:MOST_UNCERTAIN])),),
        ),
        Gallery(
            "confused_pairs", "Confused pairs",
            "The pairs of classes that are confused most often, each with its most confident mistakes.",
            tuple(_pair(evaluation, confident, pair) for pair in evaluation.confused[:MOST_PAIRS]),
        ),
    ]  # fmt: skip
    return [gallery for gallery in galleries if any(group.entries for group in gallery.groups)]


def confident_mistakes(evaluation: Evaluation) -> np.ndarray:
    """Return the rows of a model's mistakes, those first that it was most sure about; int64 [M]."""
    wrong = np.flatnonzero(~evaluation.answers.right)
    return wrong[np.argsort(-evaluation.answers.score[wrong], kind="stable")]


def suspects_gallery(evaluation: Evaluation) -> Gallery:
    """Return the pictures whose labels are probably wrong, with what they seem to be in the place of the answer."""
    names, answers = evaluation.names, evaluation.answers
    entries = tuple(
        Entry(evaluation.paths[one.row], names[answers.true[one.row]], names[one.suggested], one.score)
        for one in evaluation.suspects[:MOST_AT_ONCE]
    )
    return Gallery("suspects", "Suspected wrong labels", "", (Group("", entries),))


def _pair(evaluation: Evaluation, confident: np.ndarray, pair: ConfusedPair) -> Group:
    answers = evaluation.answers
    of_pair = confident[(answers.true[confident] == pair.true) & (answers.predicted[confident] == pair.predicted)]
    heading = f"{evaluation.names[pair.true]} → {evaluation.names[pair.predicted]}: {pair.count:,}"
    return Group(heading, _entries(evaluation, of_pair[:MOST_OF_A_PAIR]), pair.count)


def _entries(evaluation: Evaluation, rows: np.ndarray) -> tuple[Entry, ...]:
    return tuple(entry_of(evaluation, row) for row in rows.tolist())


def entry_of(evaluation: Evaluation, row: int) -> Entry:
    """Return what is shown of a row of the answers."""
    answers, names = evaluation.answers, evaluation.names
    return Entry(
        evaluation.paths[row], names[answers.true[row]], names[answers.predicted[row]], float(answers.score[row]),
        row in evaluation.suspect_rows,
    )  # fmt: skip


class Thumbnails:
    """Small copies of pictures, each made once."""

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._made: dict[str, bytes | None] = {}

    def of(self, path: str) -> bytes | None:
        """Return a small JPEG, or None where the picture can no longer be read."""
        if path not in self._made:
            self._made[path] = self._make(path)
        return self._made[path]

    def prepare(self, paths: Iterable[str]) -> None:
        """Make those that will be asked for, several at a time."""
        missing = list(dict.fromkeys(path for path in paths if path not in self._made))
        with ThreadPoolExecutor(THREADS) as pool:
            self._made |= zip(missing, pool.map(self._make, missing), strict=True)

    def _make(self, path: str) -> bytes | None:
        try:
            item = named_picture(path)
            return thumbnail(item.picture if isinstance(item, Given) else item, self._max_pixels, name=path)
        except ImageError:
            return None


def contact_sheet(gallery: Gallery, thumbnails: Thumbnails, title: str) -> bytes:
    """Draw a gallery as one JPEG."""
    rows = [(group.heading, part) for group in gallery.groups for part in _lines(group)]
    row_height = PICTURE_HEIGHT + CAPTION + GAP
    columns = max(3, *(len(part) for _heading, part in rows))
    width = GAP + columns * (CELL_WIDTH + GAP)
    height = 2 * GAP + HEADING + sum(row_height + (HEADING if heading else 0) for heading, _part in rows)

    def draw(sheet: Sheet) -> None:
        sheet.write(GAP, GAP + HEADING / 2, title, 12, weight="bold")
        top = GAP + HEADING
        for heading, part in rows:
            if heading:
                sheet.write(GAP, top + HEADING / 2, shorten(readable(heading), 20 * columns), 10, weight="bold")
                top += HEADING
            for column, entry in enumerate(part):
                _draw_entry(sheet, GAP + column * (CELL_WIDTH + GAP), top, entry, thumbnails.of(entry.path))
            top += row_height

    return render_sheet(width, height, draw, "jpeg", DPI)


def _lines(group: Group) -> list[Sequence[Entry]]:
    entries = group.entries[:MOST_AT_ONCE]
    return [entries[start : start + COLUMNS] for start in range(0, len(entries), COLUMNS)]


def _draw_entry(sheet: Sheet, left: float, top: float, entry: Entry, small: bytes | None) -> None:
    if small:
        sheet.show(decode(small), left, top, CELL_WIDTH, PICTURE_HEIGHT, middle=True)
    else:
        sheet.write(left, top + PICTURE_HEIGHT / 2, "can no longer be read", 8, color=SECOND)
    top += PICTURE_HEIGHT + 0.12
    color = THIRD if entry.is_right else SECOND
    sheet.write(
        left, top, f"{shorten(readable(entry.predicted), LETTERS - 7)} {entry.score:.1%}", 8, color=color, weight="bold"
    )
    sheet.write(left, top + 0.15, shorten(f"label: {readable(entry.true)}", LETTERS), 8)
    sheet.write(left, top + 0.29, end_of(readable(entry.path), LETTERS + 8), 6.5, color="#6b7686")
