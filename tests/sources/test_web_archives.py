"""Shards on the web, of which parts are asked for."""

import pytest
from packing import packed
from picture_server import PictureServer, content, ranged, status

from classify_image import names_several
from sources import shards
from sources.frames import read_frames
from sources.pictures import find_pictures
from sources.search import Search
from transforms import Transform


@pytest.fixture
def server(monkeypatch):
    """A server that is reached without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with PictureServer.running() as running:
        yield running


def rows(*names, **search):
    frames = read_frames(find_pictures(names, Search(**search)), Transform(32))
    return [(frame.source, frame.error) for frame in frames if frame]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_shards_are_read_in_their_order(server, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 100_000)  # many parts
    for number in (9, 10):
        server.add(f"/x-{number:03}.{kind}", ranged(packed(tmp_path, kind, f"{number}ab")))
    name = f"{server.url.replace('://', '://me:secret@')}/x-{{009..010}}.{kind}"
    shown = server.url.replace("://", "://***@")
    assert rows(name) == [
        (f"{shown}/x-{number:03}.{kind}/{stem}.png", "") for number in (9, 10) for stem in f"{number}ab"
    ]
    assert names_several([name])


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (status(404), "HTTP 404 Not Found"),
        (content(b"whole"), "is an archive on a server that sends whole files only; download it, and give the file"),
        (ranged(b"no archive at all"), "is a damaged archive, or none"),
    ],
)
def test_archive_that_cannot_be_read_is_one_row(server, page, error):
    [(source, reason)] = rows(url := server.add("/x.tar", page))
    assert (source, reason[: len(error)]) == (url, error)


def test_archive_is_left_out_by_its_name(server, tmp_path):
    url = server.add("/x.tar", ranged(packed(tmp_path, "tar", "ab")))
    assert rows(url, exclude=("*.tar",)) == []
    assert rows(url, exclude=("a.png",)) == [(f"{url}/b.png", "")]
