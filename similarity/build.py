"""Building an index and keeping it up: only new and changed pictures are computed, and gone ones leave."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, cast

import numpy as np

from classifiers.load import load_classifier
from console.text import printable
from decoding.formats import split_member
from errors import UsageError
from inference.loop import PATIENCE, predict_frames
from settings import BATCH_SIZE, MODEL, WORKERS
from similarity.index import finish, made_with
from similarity.maker import Maker, check_same, maker_of
from similarity.picture import Place, place_of
from similarity.reading import Seen, read_new, stamp_of
from similarity.records import Failure, Move, New, Row
from similarity.store import Store
from sources.frames import Frame, read_ahead
from sources.named import Kind, frame_of, is_camera, kind_of
from sources.paths import PathName, is_pattern
from sources.pictures import Given, find_pictures, source_of
from sources.search import Search

PASSING = ("pip install", "--max-", "decoder")  # in errors that another run may not have, of a file that is the same

logger = logging.getLogger("suite")


@dataclass
class Counts:
    """What a run has done, by what it was."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    gone: int = 0
    failed: int = 0
    same: int = 0
    computed: int = 0  # of those that were added or changed; the others were copies of what was there
    left_out: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by extension

    def __str__(self) -> str:
        names = ("added", "changed", "moved", "gone", "failed")
        return ", ".join(f"{name} {getattr(self, name):,}" for name in names)


def check_named(names: Iterable[str]) -> None:
    """Raise UsageError for what an index cannot hold: what is another picture each time."""
    for name in names:
        if is_camera(name) or kind_of(name) is Kind.STREAM:
            raise UsageError(f"{name} shows other pictures each time, and an index keeps them; name files")


class Builder:
    """Brings a Store up to date with pictures; what is done stays when it is interrupted."""

    def __init__(
        self, store: Store, maker: Maker, workers: int = WORKERS, batch_size: int = BATCH_SIZE,
        told: Callable[[bool], object] = bool,
    ) -> None:  # fmt: skip
        """`told` is called for each picture that is done, with whether it failed."""
        self._store, self._maker, self._told = store, maker, told
        self._workers, self._batch_size = workers, batch_size
        self._waiting: list[New | Move | Failure] = []
        self._moving: set[int] = set()  # rows that are among those
        self._unread: set[str] = set()  # keys of what could not be looked into
        self._opened = {""}  # archives and videos in which something was found
        self.counts = Counts()

    def build(self, pictures: Any, search: Search = Search()) -> Counts:
        """Look at all that `pictures` names, as `find_pictures` does, and return what was done."""
        named = pictures if isinstance(pictures, (list, tuple)) else [pictures]
        roots = [place_of(str(name)).key for name in named if isinstance(name, PathName) and not _is_others(str(name))]
        found = find_pictures(pictures, search, self.counts.left_out)
        ahead = 2 * self._batch_size
        try:
            with closing(read_ahead(self._not_the_same(found), self._read, self._workers, ahead, PATIENCE)) as frames:
                for frame, vector in predict_frames(frames, self._maker, self._batch_size):
                    self._take(frame, vector)
        finally:
            self._write()
        self._forget(roots)
        self._store.tidy()
        return self.counts

    def _not_the_same(self, found: Iterable[str | Given]) -> Iterator[str | Given]:
        """Leave out the files that have the size and the time that the index knows; runs on a thread of its own."""
        for item in found:
            key, stamp = place_of(source_of(item)).key, stamp_of(item)
            self._opened.add("" if stamp else _opened_for(key))
            if not self._store.see(key):  # it was named twice
                continue
            row = self._store.at(key) if stamp else None
            if row and (row.size, row.mtime_ns) == stamp:
                self.counts.same += 1
                self._told(False)
            else:
                yield item

    def _read(self, item: str | Given) -> Seen:
        """Read a picture, on one of several threads, unless it could not be read before and is still the same."""
        place, stamp = place_of(source_of(item)), stamp_of(item)
        failure = self._store.failure_at(place.key) if stamp else None
        if failure and (failure.size, failure.mtime_ns) == stamp:
            return Seen(source_of(item), error=failure.error, place=place, is_known=True)
        return read_new(item, self._store.with_content, self._maker.transform)

    def _take(self, frame: Frame, vector: np.ndarray | None) -> None:
        seen = cast(Seen, frame)
        self._told(bool(seen.error))
        if seen.error:
            self._fail(seen)
        elif vector is None or seen.small is None:
            self._place(seen)
        else:
            self._count("added" if self._is_new(seen.place) else "changed")
            self.counts.computed += 1
            self._add(seen, vector, seen.small, seen)
        if len(self._waiting) >= self._batch_size:
            self._write()

    def _fail(self, seen: Seen) -> None:
        self._count("failed")
        logger.error("error: %s: %s", printable(seen.source), seen.error)
        if seen.sha256 and not any(part in seen.error for part in PASSING):
            self._waiting.append(Failure(seen.place, seen.size, seen.mtime_ns, seen.error))
        elif not seen.is_known:
            self._unread.add(seen.place.key)
            if not _is_there(seen.place):
                self._store.unsee(seen.place.key)

    def _place(self, seen: Seen) -> None:
        """Take in a picture whose content is in the index: the same with another time, one that moved, or a copy."""
        rows = self._store.with_content(seen.sha256)
        if same := next((row for row in rows if row.place and row.place.key == seen.place.key), None):
            self._move(same, seen)
            self.counts.same += 1
            return
        free = [row for row in rows if row.row not in self._moving and not _is_there(row.place)]
        self._count("changed" if not self._is_new(seen.place) else "moved" if free else "added")
        if free:
            self._move(free[0], seen)
        else:
            self._add(seen, *self._store.content_of(rows[0].row), rows[0])

    def _is_new(self, place: Place) -> bool:
        return self._store.at(place.key) is None and self._store.failure_at(place.key) is None

    def _move(self, row: Row, seen: Seen) -> None:
        self._moving.add(row.row)
        self._waiting.append(Move(row.row, seen.place, seen.size, seen.mtime_ns))

    def _add(self, seen: Seen, vector: np.ndarray, small: np.ndarray, like: Seen | Row) -> None:
        facts = seen.place, seen.size, seen.mtime_ns, seen.sha256, like.width, like.height, like.format
        self._waiting.append(New(*facts, vector, small))

    def _count(self, what: str) -> None:
        setattr(self.counts, what, getattr(self.counts, what) + 1)

    def _write(self) -> None:
        if self._waiting:
            self._store.write(self._waiting)
            self._waiting, self._moving = [], set()

    def _forget(self, roots: Sequence[str]) -> None:
        """Let those leave that were not found where this run has looked."""
        gone = [key for key in self._store.not_seen() if self._was_looked_for(key, roots)]
        self.counts.gone = sum(self._store.at(key) is not None for key in gone)
        self._store.remove(gone)

    def _was_looked_for(self, key: str, roots: Sequence[str]) -> bool:
        is_named = any(
            key == root or key.startswith((os.path.join(root, ""), f"{root}/", f"{root}#t=")) for root in roots
        )
        was_open = _opened_for(key) in self._opened  # a folder's search leaves archives and, at times, videos alone
        return is_named and was_open and self._unread.isdisjoint(map(str, PurePath(key).parents))


def build_index(
    folder: PathName, pictures: Any, model: PathName = MODEL, *, search: Search = Search(), **options: Any
) -> Counts:
    """Build the index in a folder, or bring it up to date, with what `Classifier.classify` takes as `pictures`.

    `model` and the other options are those of `load_classifier`. Raises UsageError when an index that is there was
    made with another model, or cannot be written.
    """
    classifier = load_classifier(model, **options)
    maker, runtime = maker_of(classifier), classifier.runtime
    if made := made_with(Path(folder)):
        check_same(made, maker.about, Path(folder))
    with closing(Store(Path(folder), maker.about)) as store:
        counts = Builder(store, maker, runtime.workers, runtime.batch_size).build(pictures, search)
    finish(Path(folder), maker.about, "auto")
    return counts


def _is_others(name: str) -> bool:
    """Return whether a name is a pattern, which says nothing of what does not match it."""
    return is_pattern(name) and not os.path.lexists(name)


def _opened_for(key: str) -> str:
    """Return the archive or the video that is opened for what is at a place; "" for none, or if that is gone."""
    video, _time = frame_of(key) or ("", 0)
    return split_member(key)[0] or (video if os.path.exists(video) else "")


def _is_there(place: Place | None) -> bool:
    """Return whether something is still at a place; what is in no file of its own counts as being there."""
    return place is not None and (kind_of(place.key) is not Kind.PATH or os.path.lexists(place.key))
