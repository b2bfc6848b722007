"""Object stores (s3://, gs://, az://) through fsspec: keys are listed page by page, objects read and written whole.

fsspec's own listings hold every name of a bucket. Of S3, pages are asked for one after the other; of others, one
folder after the other.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from errors import UsageError, first_line
from settings import TIMEOUT

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}  # by scheme
SCHEME = re.compile(rf"({'|'.join(PACKAGES)})://", re.IGNORECASE)
PAGE = 1000  # keys that are asked for at once, the most that S3 gives
CREDENTIALS = re.compile("credential|token|could not find.*account", re.IGNORECASE)


class StoreError(OSError):
    """What an object store does not do, in words."""


class Stored(NamedTuple):
    """An object in a store."""

    url: str
    size: int  # bytes


def is_stored(name: str) -> bool:
    """Return whether a name is that of something in an object store."""
    return bool(SCHEME.match(name))


def split_url(url: str) -> tuple[str, str]:
    """Return a URL's bucket, with its scheme, and its key: "s3://bucket" and "photos/a.jpg"."""
    scheme, _colon, rest = url.partition("://")
    bucket, _slash, key = rest.partition("/")
    return f"{scheme.lower()}://{bucket}", key


def check_bucket(url: str) -> None:
    """Raise StoreError for a URL that names no bucket."""
    if split_url(url)[0].endswith("/"):
        raise StoreError("it names no bucket, as s3://BUCKET/FOLDER/ does")


def find(prefix: str, seconds: float = TIMEOUT) -> Iterator[Stored]:
    """Yield all objects whose URL starts with `prefix`, which ends in a slash or within a name, in a fixed order.

    A page of names is held at a time, of stores other than S3 a folder. Raises StoreError and UsageError.
    """
    files = _open(prefix)
    bucket, key = split_url(prefix)
    with _errors_of(prefix, seconds):
        if hasattr(files, "call_s3"):
            yield from _find_in_s3(files, bucket, key, seconds)
        else:
            folder, _slash, _start = key.rpartition("/")
            yield from _find_below(files, bucket, f"{bucket}/{folder}", prefix)


def size_of(url: str, seconds: float = TIMEOUT) -> int:
    """Return how many bytes an object has; raises StoreError and UsageError."""
    files = _open(url)
    with _errors_of(url, seconds):
        return _call(files, "info", seconds, url)["size"]


def read(url: str, start: int, end: int, seconds: float = TIMEOUT) -> bytes:
    """Return the bytes of an object from `start` to before `end`; raises StoreError and UsageError."""
    if start == end:
        return b""  # for which a store cannot be asked
    files = _open(url)
    with _errors_of(url, seconds):
        return _call(files, "cat_file", seconds, url, start=start, end=end)


def read_whole(url: str, seconds: float = TIMEOUT) -> bytes:
    """Return an object; raises StoreError and UsageError."""
    return read(url, 0, size_of(url, seconds), seconds)


def write(url: str, data: bytes, seconds: float = TIMEOUT) -> None:
    """Write an object, whole or not at all; raises StoreError and UsageError."""
    files = _open(url)
    with _errors_of(url, seconds):
        _call(files, "pipe_file", seconds, url, data)


def remove(urls: Iterable[str], seconds: float = TIMEOUT) -> None:
    """Remove objects; raises StoreError and UsageError."""
    for url in urls:
        files = _open(url)
        with _errors_of(url, seconds):
            _call(files, "rm_file", seconds, url)


def check_can_open(url: str) -> None:
    """Raise UsageError when the package for a URL is missing."""
    _check_package(split_url(url)[0].partition("://")[0])


@functools.cache
def _check_package(scheme: str) -> None:
    package = PACKAGES[scheme]
    if not find_spec("fsspec") or (scheme == "s3" and not find_spec(package)):
        raise UsageError(f"{scheme}:// needs the package {package}; pip install -r requirements-cluster.txt")
    if not find_spec(package) and scheme not in _registered():
        raise UsageError(f"{scheme}:// needs the package {package}; pip install {package}")


def _registered() -> Any:
    from fsspec.registry import registry

    return registry


def _open(url: str) -> Any:
    """Return fsspec's file system of a store, which it keeps for the next time."""
    check_can_open(url)
    import fsspec

    scheme = split_url(url)[0].partition("://")[0]
    options: dict[str, Any] = {}
    if PACKAGES[scheme] == "s3fs":  # a server that is not there is asked a few times only
        options = {"config_kwargs": {"connect_timeout": 5, "retries": {"max_attempts": 2}}}
    with _errors_of(url, TIMEOUT):
        return fsspec.filesystem(scheme, **options)


def _call(files: Any, method: str, seconds: float, *given: Any, **options: Any) -> Any:
    """Call a method of a file system, which may take so many seconds where it can be told."""
    if not files.async_impl:
        return getattr(files, method)(*given, **options)
    from fsspec.asyn import sync

    return sync(files.loop, getattr(files, f"_{method}"), *given, timeout=seconds, **options)


def _find_in_s3(files: Any, bucket: str, prefix: str, seconds: float) -> Iterator[Stored]:
    asked: dict[str, Any] = {"Bucket": bucket.partition("://")[2], "Prefix": prefix, "MaxKeys": PAGE}
    while True:
        page = _call(files, "call_s3", seconds, "list_objects_v2", **asked)
        for entry in page.get("Contents", ()):
            yield Stored(f"{bucket}/{entry['Key']}", entry["Size"])
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


def _find_below(files: Any, bucket: str, folder: str, prefix: str) -> Iterator[Stored]:
    """Walk down the folders that lead to, or are below, what starts with `prefix`."""
    entries = sorted(files.ls(folder, detail=True), key=lambda entry: entry["name"])
    files.invalidate_cache()  # which would keep all names
    scheme = bucket.partition("://")[0]
    for entry in entries:
        url = f"{scheme}://{entry['name'].strip('/')}"
        if entry["type"] == "directory":
            if f"{url}/".startswith(prefix) or prefix.startswith(f"{url}/"):
                yield from _find_below(files, bucket, url, prefix)
        elif url.startswith(prefix):
            yield Stored(url, entry["size"] or 0)


@contextmanager
def _errors_of(url: str, seconds: float) -> Iterator[None]:
    """Say in words of our own what a store, or the package for it, has to say; each has its own exceptions."""
    try:
        yield
    except (StoreError, UsageError):
        raise
    except FileNotFoundError as error:
        raise StoreError(f"there is no such object, folder or bucket ({first_line(error)})") from error
    except PermissionError as error:
        raise StoreError(f"access is denied ({first_line(error)})") from error
    except TimeoutError as error:
        raise StoreError(f"no whole answer in {seconds:.3g} s; --timeout SECONDS gives it more") from error
    except Exception as error:
        if CREDENTIALS.search(f"{type(error).__name__} {error}"):
            raise UsageError(
                f"no credentials for {split_url(url)[0]} ({first_line(error)}); set them as docs/stores.md says"
            ) from error
        raise StoreError(f"the store does not answer: {first_line(error)}") from error
