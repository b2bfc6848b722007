"""Pictures in object stores: one, those below a folder or that a pattern matches, and those in archives there."""

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import NamedTuple

import stores
from decoding.formats import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES
from errors import ImageError
from sources.archives import Chosen, count_other
from sources.fetch import Client, Deadline
from sources.named import Kind
from sources.pictures import Given
from sources.search import NO_MEDIA, Search, check_size, match
from sources.shards import expand, find_in_shard
from sources.web import Download
from stores import Stored, StoreError, split_url


def find_stored(
    name: str, search: Search, left_out: Counter[str], may_match: bool = True, whole: bool = False
) -> Iterator[Given]:
    """Yield the pictures that a URL such as s3://bucket/photos/ names, in the store's order, as they are listed.

    With `may_match`, it may be a pattern, and {000..010} stands for these numbers. What cannot be listed is
    reported in its place. With `whole`, archives are not looked into, as in `find_pictures`. Raises UsageError when
    the store's package, or a password for it, is missing.
    """
    look_into = _as_whole if whole else partial(_find_in_archive, search, left_out)
    for url in expand(name) if may_match else [name]:
        if not search.leaves_out_named(url):
            try:
                stores.check_bucket(url)
                yield from _find(url, search, left_out, may_match, look_into)
            except StoreError as error:
                yield Given(url, ImageError(str(error)))


LookInto = Callable[[str], Iterator[Given]]


def _find(url: str, search: Search, left_out: Counter[str], may_match: bool, look_into: LookInto) -> Iterator[Given]:
    if may_match and glob.has_magic(split_url(url)[1]):
        yield from _find_matching(url, search, left_out, look_into)
    elif url.lower().endswith(ARCHIVE_SUFFIXES):
        yield from look_into(url)
    elif url.lower().endswith(IMAGE_SUFFIXES):
        yield picture_in_store(url, search)
    else:
        found = stores.find(url.rstrip("/") + "/", search.timeout)
        first = next(found, None)
        if first is None and not url.endswith("/") and split_url(url)[1]:
            yield picture_in_store(url, search)
        else:
            yield from _pick(url, url.rstrip("/"), chain([first] if first else [], found), search, left_out)


def _find_matching(url: str, search: Search, left_out: Counter[str], look_into: LookInto) -> Iterator[Given]:
    bucket, key = split_url(url)
    start = re.split(r"[*?[]", key, maxsplit=1)[0]
    pattern = PurePath(key).parts
    root = f"{bucket}/{start}".rpartition("/")[0]
    found = stores.find(f"{bucket}/{start}", search.timeout)
    if url.lower().endswith(ARCHIVE_SUFFIXES):
        archives = (stored.url for stored in found if match(pattern, PurePath(split_url(stored.url)[1]).parts))
        yield from _or_no_match(url, chain.from_iterable(map(look_into, archives)))
    else:
        matching = (stored for stored in found if _is_below_match(pattern, split_url(stored.url)[1]))
        yield from _pick(url, root, matching, search, left_out)


def _is_below_match(pattern: tuple[str, ...], key: str) -> bool:
    """Return whether a pattern matches a key or a folder that it is in; a .nomedia file counts in any case."""
    parts = PurePath(key).parts
    return parts[-1] == NO_MEDIA or any(match(pattern, parts[:end]) for end in range(1, len(parts) + 1))


def _or_no_match(url: str, found: Iterator[Given]) -> Iterator[Given]:
    first = next(found, None)
    yield from [Given(url, ImageError("nothing in the store matches it"))] if first is None else chain([first], found)


class _Found(NamedTuple):
    path: str  # below the root of the search
    is_link: bool
    stored: Stored


def _pick(name: str, root: str, found: Iterator[Stored], search: Search, left_out: Counter[str]) -> Iterator[Given]:
    """Yield the pictures by the rules of folders; or what was named itself, when there are none."""
    chosen = Chosen(root, search, partial(count_other, left_out))
    entries = (_Found(stored.url[len(root) + 1 :], False, stored) for stored in found if stored.url[-1] != "/")
    for entry in chosen.pick(entries):
        yield picture_in_store(entry.stored.url, search, entry.stored.size)
    if not chosen.pictures:
        yield Given(name, ImageError(chosen.why_none("folder")))


def picture_in_store(url: str, search: Search = Search(), size: int | None = None) -> Given:
    """Return the picture at a URL, of so many bytes where that is known, to be read when it is wanted."""
    return Given(url, _StoredPicture(url, size, search))


class _StoredPicture(Download):
    """A picture in a store as a file that is read once; it is fetched while others are computed."""

    at_once = 16

    def __init__(self, url: str, size: int | None, search: Search) -> None:
        super().__init__(split_url(url)[0], search.timeout, search.max_bytes)
        self._url, self._size, self._search = url, size, search

    def __reduce__(self) -> tuple:
        return _StoredPicture, (self._url, self._size, self._search)  # another process reads it for itself

    def get(self, _client: Client, deadline: Deadline, take: Callable[[int], None]) -> bytes:
        """Return the content; raises StoreError, ImageError and UsageError."""
        try:
            size = stores.size_of(self._url, deadline.left()) if self._size is None else self._size
            check_size(size, self.max_bytes)
            take(size)
            return stores.read(self._url, 0, size, deadline.left())
        except TimeoutError as error:
            raise ImageError(f"no whole answer in {deadline.seconds:g} s; --timeout SECONDS gives it more") from error


def _as_whole(url: str) -> Iterator[Given]:
    yield Given(url, Kind.STORED)


def _find_in_archive(search: Search, left_out: Counter[str], url: str) -> Iterator[Given]:
    try:
        size = stores.size_of(url, search.timeout)
    except StoreError as error:  # which ends this archive, and not the others that a pattern matches
        return iter([Given(url, ImageError(str(error)))])
    return find_in_shard(url, size, lambda start, end: _read(url, start, end, search.timeout), search, left_out)


def _read(url: str, start: int, end: int, seconds: float) -> bytes:
    try:
        return stores.read(url, start, end, seconds)
    except StoreError as error:
        raise ImageError(str(error)) from error
