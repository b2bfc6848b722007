"""Queries: which pictures of an index are like these, and less like those."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from engines.runtime import Runtime
from inference.loop import PATIENCE, predict_frames
from settings import BATCH_SIZE, SIMILAR, WORKERS
from similarity.index import Index
from similarity.maker import Maker, maker_again
from similarity.reading import Seen, read_new
from similarity.search import unit
from sources.frames import read_ahead
from sources.pictures import Given, find_pictures
from sources.search import Search

UNLIKE = 0.5  # how much of what is not wanted is taken away
AT_ONCE = 256  # queries that are searched for in one pass over the vectors
HALF_BITS = 1e-3  # by how much a cosine with a vector of 16 bits may be too small
JOINED = " + "  # between the names of pictures that are one query


@dataclass(frozen=True)
class Match:
    """A picture that was found."""

    row: int  # in the index
    path: str
    similarity: float  # cosine, from -1 to 1


@dataclass(frozen=True)
class Answer:
    """What was found for a query, best first."""

    query: str  # its path, or several
    matches: tuple[Match, ...] = ()
    error: str = ""  # why the query cannot be read
    like: tuple[str, ...] = ()  # the pictures of a query that is several, and those that it is to be less like
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asker:
    """Asks an index; a query that is in it is not computed."""

    index: Index
    maker: Maker
    top_k: int = SIMILAR
    threshold: float = -1.0  # least similarity
    workers: int = WORKERS
    batch_size: int = BATCH_SIZE

    def ask(self, pictures: Any, search: Search = Search()) -> Iterator[Answer]:
        """Yield an Answer for each picture that `pictures` names, as `find_pictures` does, in order."""
        seen = self.vectors(pictures, search)
        while batch := list(islice(seen, AT_ONCE)):
            readable = [(one.source, {one.place.key}, each, one.sha256) for one, each in batch if each is not None]
            answers = iter(self._answers(readable))
            for one, vector in batch:
                yield Answer(one.source, error=one.error) if vector is None else next(answers)

    def ask_together(self, pictures: Any, unlike: Sequence[Any] = (), search: Search = Search()) -> Iterator[Answer]:
        """Yield an Answer for each picture that cannot be read, and one for all others, which are one query.

        Its vector is their mean, without UNLIKE times that of the pictures that are not wanted (Rocchio 1971).
        """
        both = list(self.vectors(pictures, search)), list(self.vectors(unlike, search))
        yield from (Answer(seen.source, error=seen.error) for seen, vector in chain(*both) if vector is None)
        own = {seen.place.key for seen, _vector in chain(*both)}
        like, unwanted = ([pair for pair in pairs if pair[1] is not None] for pairs in both)
        if like:
            vector = _mean(like) - (UNLIKE * _mean(unwanted) if unwanted else 0)
            names, unlike_names = (tuple(seen.source for seen, _vector in pairs) for pairs in (like, unwanted))
            (answer,) = self._answers([(JOINED.join(names), own, unit(vector[None])[0], b"")])
            yield replace(answer, like=names, unlike=unlike_names)

    def vectors(self, pictures: Any, search: Search) -> Iterator[tuple[Seen, np.ndarray | None]]:
        """Yield each picture with its vector, float32 [D], or with None where it cannot be read."""
        found = find_pictures(pictures, search)
        with closing(read_ahead(found, self._read, self.workers, 2 * self.batch_size, PATIENCE)) as frames:
            for frame, vector in predict_frames(frames, self.maker, self.batch_size):
                assert isinstance(frame, Seen)
                yield frame, self.index.vector_of(frame.sha256) if vector is None and not frame.error else vector

    def _read(self, item: str | Given) -> Seen:
        return read_new(item, lambda sha256: self.index.vector_of(sha256) is not None, self.maker.transform)

    def _answers(self, queries: Sequence[tuple[str, set[str], np.ndarray, bytes]]) -> Iterator[Answer]:
        """Answer queries: a name, the keys of its own pictures, which are not found, a vector, and the content."""
        if not queries:
            return
        names, keys, vectors, contents = zip(*queries, strict=True)
        own = [{row for key in some if (row := self.index.row_at(key)) is not None} for some in keys]
        rows, similarities = self.index.nearest(np.stack(vectors), self.top_k + max(map(len, own)))
        for name, left_out, content, *found in zip(names, own, contents, rows, similarities, strict=True):
            pairs = [pair for pair in zip(*found, strict=True) if pair[1] >= self.threshold - HALF_BITS]
            matches = [self._match(row, cosine, content) for row, cosine in pairs if row not in left_out]
            wanted = sorted((match for match in matches if match.similarity >= self.threshold), key=_worst_last)
            yield Answer(name, tuple(wanted[: self.top_k]))

    def _match(self, row: int, cosine: float, content: bytes) -> Match:
        """Return what was found; the same content is as similar as can be, which 16 bits do not show."""
        picture = self.index.pictures[int(row)]
        return Match(int(row), picture.path, 1.0 if picture.sha256 == content.hex() else min(float(cosine), 1.0))


def _worst_last(match: Match) -> float:
    return -match.similarity


def _mean(pairs: Iterable[tuple[Seen, Any]]) -> np.ndarray:
    return unit(np.mean([vector for _seen, vector in pairs], axis=0)[None])[0]


def find(
    index: Index,
    pictures: Any,
    *,
    unlike: Sequence[Any] = (),
    together: bool = False,
    top_k: int = SIMILAR,
    threshold: float = -1.0,
    search: Search = Search(),
    runtime: Runtime = Runtime(),
) -> Iterator[Answer]:
    """Yield an Answer for each of `pictures`, which are what `Classifier.classify` takes; nothing is read before.

    With `together` or `unlike`, they are one query. Raises UsageError when what made the index is no longer there.
    """
    maker = maker_again(index.made_with, index.folder, runtime)
    asker = Asker(index, maker, top_k, threshold, runtime.workers, runtime.batch_size)
    return asker.ask_together(pictures, unlike, search) if together or unlike else asker.ask(pictures, search)
