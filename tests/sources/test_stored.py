"""Pictures in object stores: against a server like S3, and one of the kinds that have folders."""

import os
from collections import Counter

import pytest
from conftest import IMAGES
from packing import packed

import stores
from errors import UsageError
from preprocess import read_square
from sources.frames import read_frames
from sources.pictures import find_pictures, source_of
from sources.search import Search
from sources.shards import expand
from stores import StoreError
from transforms import Transform

pytest.importorskip("s3fs")

CAT = (IMAGES / "cat.png").read_bytes()
S3 = "s3://bucket"


def found(*names, **search):
    """Return what is called so, and what is counted as left out."""
    left_out = Counter()
    return [source_of(item) for item in find_pictures(names, Search(**search), left_out)], left_out


def rows(*names, **search):
    """Return each picture's name and error."""
    frames = read_frames(find_pictures(names, Search(**search)), Transform(32))
    return [(frame.source, frame.error) for frame in frames if frame]


KEYS = [
    "p/.hid.png", "p/a.png", "p/b/c.JPG", "p/b/notes.txt", "p/clip.mp4", "p/@eaDir/a.png", "p/q/.nomedia", "p/q/d.png",
    "p/é?#%20 .png", "p2/x.png", "top.gif",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "search", "expected"),
    [
        ("/p/", {}, ["p/a.png", "p/b/c.JPG", "p/é?#%20 .png"]),
        ("/p", {}, ["p/a.png", "p/b/c.JPG", "p/é?#%20 .png"]),
        ("", {}, ["p/a.png", "p/b/c.JPG", "p/é?#%20 .png", "p2/x.png", "top.gif"]),
        ("/p/", {"exclude": ("b/", "é*")}, ["p/a.png"]),
        ("/p/", {"no_ignore": True, "exclude": ("é*",)}, ["p/@eaDir/a.png", "p/a.png", "p/b/c.JPG", "p/q/d.png"]),
        ("/p/*.png", {"exclude": ("é*",)}, ["p/a.png"]),
        ("/p*/**/[a-x].*", {}, ["p/a.png", "p/b/c.JPG", "p2/x.png"]),
        ("/p?", {}, ["p2/x.png"]),
        ("/p/a.png", {}, ["p/a.png"]),
        ("/p/a.png", {"exclude": ("*.png",)}, []),
    ],
)
def test_names_are_searched_by_the_rules_of_folders(bucket, name, search, expected):
    bucket.put(**dict.fromkeys(KEYS, b""))
    bucket.put(**{"p/": b""})  # as consoles mark a folder
    assert found(S3 + name, **search)[0] == [f"{S3}/{key}" for key in expected]


def test_what_is_no_picture_is_counted(bucket):
    bucket.put(**dict.fromkeys(KEYS, b""))
    assert found(f"{S3}/p/")[1].items() >= {".txt": 1, ".mp4": 1}.items()


def test_pictures_are_those_of_the_disk(bucket):
    bucket.put(**{"a.png": CAT, "empty.png": b"", "e/no suffix": CAT})
    names = [f"{S3}/{key}" for key in ("a.png", "empty.png", "gone.png", "e/no suffix")]
    frames = list(read_frames(find_pictures(names), Transform(32)))
    assert (frames[0].square == read_square(str(IMAGES / "cat.png"), Transform(32))).all()
    assert [frame.error.partition(" (")[0] for frame in frames] == [
        "", "the file is empty", "there is no such object, folder or bucket", "",
    ]  # fmt: skip


def test_names_in_a_list_are_no_patterns(bucket):
    bucket.put(**{"[a]*.png": CAT, "a1.png": CAT})
    names = [f"{S3}/[a]*.png", f"{S3}/{{1..2}}.png"]
    assert [error.partition(" (")[0] for _name, error in rows(iter(names))] == [
        "", "there is no such object, folder or bucket",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("s3://bucket/none/", "the folder holds no pictures"),
        ("s3://bucket/no*.png", "the folder holds no pictures"),
        ("s3://bucket/no*.tar", "nothing in the store matches it"),
        ("s3://bucket/no.tar", "there is no such object, folder or bucket"),
        ("s3://elsewhere/", "there is no such object, folder or bucket (The specified bucket does not exist)"),
        ("s3://elsewhere/a.png", "there is no such object, folder or bucket"),
    ],
)
def test_what_cannot_be_had_is_one_row(bucket, name, error):
    [(source, reason)] = rows(name)
    assert (source, reason[: len(error)]) == (name, error)


def test_more_than_a_page_streams_in_order(bucket, monkeypatch):
    monkeypatch.setattr(stores, "PAGE", 10)
    bucket.put(**{f"p/{number:02}.png": b"" for number in range(20)})
    pages = []
    call = stores._call
    monkeypatch.setattr(stores, "_call", lambda *given, **asked: pages.append(asked) or call(*given, **asked))
    listed = find_pictures([f"{S3}/p/"])
    assert next(listed).source == f"{S3}/p/00.png"
    assert len(pages) == 1
    assert [given.source[-6:] for given in listed] == [f"{number:02}.png" for number in range(1, 20)]
    assert len(pages) == 2


def test_large_pictures_are_refused(bucket):
    bucket.put(**{"a.png": CAT})
    for name in (f"{S3}/a.png", f"{S3}/"):
        assert rows(name, max_bytes=100) == [(f"{S3}/a.png", "is larger than 100 bytes; raise it with --max-bytes")]


# ---- archives


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_shards_are_read_in_their_order(bucket, kind, tmp_path):
    bucket.put(**{f"x-00{number}.{kind}": packed(tmp_path, kind, f"{number}ab") for number in (0, 1)})
    for name in (f"{S3}/x-{{000..001}}.{kind}", f"{S3}/x-*.{kind}"):
        expected = [(f"{S3}/x-00{number}.{kind}/{stem}.png", "") for number in (0, 1) for stem in f"{number}ab"]
        assert rows(name) == expected
        assert found(name)[1] == {".cls": 6}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_shard_that_is_cut_off_says_so(bucket, kind, tmp_path):
    data = packed(tmp_path, kind, "abc")
    bucket.put(**{f"x.{kind}": data[: len(data) // 2]})
    *_, (source, error) = rows(f"{S3}/x.{kind}")
    assert source.startswith(f"{S3}/x.{kind}")
    assert "damaged" in error


def test_shard_that_cannot_be_read_does_not_end_the_others(bucket, monkeypatch, tmp_path):
    bucket.put(**{f"x-{number}.tar": packed(tmp_path, "tar", f"{number}") for number in (0, 1)})
    monkeypatch.setattr(
        stores, "size_of", lambda url, seconds, ask=stores.size_of: ask(url.replace("x-0", "y"), seconds)
    )
    (source, error), other = rows(f"{S3}/x-*.tar")
    assert (source, error[:23]) == (f"{S3}/x-0.tar", "there is no such object")
    assert other == (f"{S3}/x-1.tar/1.png", "")


@pytest.mark.parametrize(
    ("name", "numbers"), [("x-{08..10}", "08 09 10"), ("x-{2..0}", "2 1 0"), ("x-{a..b}", "{a..b}")]
)
def test_ranges_of_numbers(name, numbers):
    assert list(expand(name)) == [f"x-{number}" for number in numbers.split()]


# ---- what is not there


def test_wrong_password_and_none_end_the_run(bucket, monkeypatch):
    import s3fs

    bucket.put(**{"a.png": CAT})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    for name in (f"{S3}/a.png", f"{S3}/"):
        with pytest.raises(UsageError, match=r"no credentials for s3://bucket .*; set them as"):
            rows(name)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize("name", ["gs://bucket/a.png", "az://bucket/"])
def test_package_that_is_missing_is_named(name):
    with pytest.raises(UsageError, match=r"needs the package (gcsfs|adlfs); pip install (gcsfs|adlfs)"):
        rows(name)


@pytest.fixture
def in_memory(monkeypatch):
    """fsspec's store in memory in the place of Google's: it lists folders, and not keys."""
    from fsspec.implementations.memory import MemoryFileSystem
    from fsspec.registry import _registry

    class Store(MemoryFileSystem):
        protocol = "gs"
        store = {}
        pseudo_dirs = [""]

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("gs://"))

    monkeypatch.setitem(_registry, "gs", Store)
    return Store()


def test_stores_that_list_folders(in_memory):
    for key in KEYS:
        in_memory.pipe_file(f"gs://b/{key}", CAT)
    assert found("gs://b/p/")[0] == [f"gs://b/{key}" for key in ("p/a.png", "p/b/c.JPG", "p/é?#%20 .png")]
    assert found("gs://b/p*/*.png")[0][-1] == "gs://b/p2/x.png"
    assert rows("gs://b/top.gif", "gs://b/gone.png")[0] == ("gs://b/top.gif", "")
    with pytest.raises(StoreError, match="no such object"):
        stores.size_of("gs://b/gone.png")


def test_file_that_looks_like_a_url_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("s3:/bucket")
    assert found("s3://bucket")[0] == ["s3://bucket"]
