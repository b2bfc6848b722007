"""Copies of what is on the web have names that every system takes, and no two URLs share one."""

from pathlib import PurePosixPath

import pytest

from outputs.places import place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://host/a/cat.jpg", "host/a/cat.jpg"),
        ("https://***@host:80/cat.jpg", "host_80/cat.jpg"),
        ("https://host/cat.jpg?w=1", "host/cat-*.jpg"),
        ("https://host//cat.jpg", "host/cat-*.jpg"),
        ("https://host/../../cat.jpg", "host/_/_/cat-*.jpg"),
        ("https://host/%2e%2e/%2Fetc/con/é%20%3F.jpg", "host/_/_etc/con_/é _-*.jpg"),
        ("https://host", "host/index-*"),
        ("https://host/" + "x" * 999, f"host/{'x' * 50}-*"),
    ],
)
def test_place_of_a_url(url, place):
    assert PurePosixPath(place_of(url).as_posix()).match(place)


def test_different_urls_have_different_places():
    urls = [f"https://host/{name}" for name in ("a.jpg", "a.jpg?1", "a.jpg?2", "a.jpg#", "/a.jpg", "%61.jpg", "a.jpg/")]
    assert len({place_of(url) for url in urls}) == len(urls)
