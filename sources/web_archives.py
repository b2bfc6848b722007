"""Archives on the web, of whose servers parts of files can be had."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from errors import ImageError
from sources.fetch import Client, Deadline, parse
from sources.named import shown
from sources.pictures import Given
from sources.search import Search
from sources.shards import expand, find_in_shard


def find_in_web_archives(name: str, search: Search, left_out: Counter[str]) -> Iterator[Given]:
    """Yield the pictures in the archive at a URL, or in those at all URLs that https://host/x-{000..010}.tar names."""
    client = Client()
    for url in expand(name):
        if search.leaves_out_named(url):
            continue
        read = partial(_read, client, url, search.timeout)
        try:
            size = read(0, 1)[1]
        except ImageError as error:
            yield Given(shown(url), error)
        else:
            yield from find_in_shard(shown(url), size, lambda *part, read=read: read(*part)[0], search, left_out)


def _read(client: Client, url: str, timeout: float, start: int, end: int) -> tuple[bytes, int]:
    """Return some bytes of a file, and how many it has; raises ImageError."""
    return client.fetch_part(parse(url), start, end, Deadline(timeout))
