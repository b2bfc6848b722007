"""Archives: every picture in them has its row, whatever else is in there, and nothing hangs or fills memory."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from conftest import IMAGES, ROOT
from packing import CAT, COFFEE, pack
from PIL import Image

from decoding import archives
from sources.frames import read_frame, read_frames
from sources.pictures import find_pictures, source_of
from sources.search import Search
from transforms import Transform

TRANSFORM = Transform(32)
NAMES = ("a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "A.ZIP")


def rows(*names, **search):
    """Return the row and the error of each picture that is found."""
    found = find_pictures(names, Search(**search))
    return [(frame.source, frame.error) for frame in read_frames(found, TRANSFORM)]


def found(name, **search):
    left_out = Counter()
    return [source_of(item) for item in find_pictures([name], Search(**search), left_out)], dict(left_out)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_read_in_the_order_of_the_archive(tree, name):
    tree()
    pack(name, [("b/cat.png", CAT), ("key.cls", b"3"), ("bad.png", b"no picture"), ("a.png", CAT), ("a.png", COFFEE)])
    left_out = Counter()
    frames = list(read_frames(find_pictures([name], left_out=left_out), TRANSFORM))
    assert [frame.source for frame in frames] == [
        f"{name}/{path}" for path in ("b/cat.png", "bad.png", "a.png", "a.png")
    ]
    assert [frame.error for frame in frames] == ["", "is a text file, not a picture", "", ""]
    for frame, picture in ((frames[0], "cat.png"), (frames[2], "cat.png"), (frames[3], "coffee.png")):
        assert (frame.square == read_frame(str(IMAGES / picture), TRANSFORM).square).all()
    assert left_out == {".cls": 1}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({}, ["p/a.png", "p/b.gif", "x.png"]),
        ({"exclude": ("*.gif",)}, ["p/a.png", "x.png"]),
        ({"exclude": ("p/",)}, ["x.png"]),
        ({"exclude": ("/x.png", "p/a.png")}, ["p/b.gif"]),
        ({"no_ignore": True}, ["__MACOSX/c.png", "p/a.png", "p/b.gif", "q/d.png", "x.png"]),
        ({"exclude": ("a.*",)}, None),
    ],
)
def test_what_is_left_out_of_folders_is_left_out_of_archives(tree, name, search, expected):
    tree()
    paths = ["__MACOSX/c.png", "p/.hid.png", ".git/e.png", "p/a.png", "p/b.gif", "q/.nomedia", "q/d.png", "x.png"]
    pack(name, [(path, b"") for path in (*paths, "p/clip.mp4", "inner.zip", "README", "Thumbs.db")])
    sources, left_out = found(name, **search)
    assert sources == [f"{name}/{path}" for path in expected or ()]
    assert expected is None or left_out.items() >= {".zip": 1, "of other names": 1}.items()


@pytest.mark.parametrize(
    ("name", "row"),
    [("/etc/a.png", "etc/a.png"), ("../../a.png", "a.png"), ("./b//a.png", "b/a.png"), ("ü猫 .png", "ü猫 .png")],
)
@pytest.mark.parametrize("archive", ["a.zip", "a.tar"])
def test_paths_never_lead_out_of_the_archive(tree, archive, name, row):
    tree()
    pack(archive, [(name, CAT)])
    assert rows(archive) == [(f"{archive}/{row}", "")]
    assert rows(f"{archive}/{row}") == [(f"{archive}/{row}", "")]


@pytest.mark.parametrize(("system", "row"), [(0, "ü/a.png"), (3, "ü\\a.png")])
def test_names_that_do_not_say_that_they_are_utf8_or_windows(tree, system, row):
    tree()
    info = zipfile.ZipInfo("x" * len("ü\\a.png".encode()))
    info.create_system = system
    pack("a.zip", [(info, CAT)])
    data = (tree() / "a.zip").read_bytes().replace(info.filename.encode(), "ü\\a.png".encode())
    (tree() / "a.zip").write_bytes(data)
    assert rows("a.zip") == [(f"a.zip/{row}", "")]


def test_links_and_devices_are_no_pictures(tree):
    tree()
    kinds = {"l.png": tarfile.SYMTYPE, "h.png": tarfile.LNKTYPE, "d.png": tarfile.CHRTYPE, "f.png": tarfile.DIRTYPE}
    infos = [tarfile.TarInfo(name) for name in kinds]
    for info in infos:
        info.type, info.linkname = kinds[info.name], "/etc/passwd"
    pack("a.tar", [(info, b"") for info in infos])
    sources, left_out = found("a.tar")
    assert (sources, left_out) == (["a.tar"], {"as links": 2})


# ---- what is wrong


def damaged(data, at):
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


def in_zip(change, **options):
    """Return a zip of two pictures whose bytes are changed."""
    pack("whole.zip", [("a.png", CAT), ("b.png", COFFEE)], **options)
    with open("whole.zip", "rb") as file:
        return change(file.read())


FLAGS = struct.pack("<H", 1)  # encrypted
DIRECTORY = b"PK\1\2"


def with_flag(data):
    at = data.index(DIRECTORY)
    return data[: at + 8] + FLAGS + data[at + 10 :]


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (with_flag, {}, "is encrypted; unpack the archive with its password first"),
        (lambda data: damaged(data, 2000), {}, "is damaged in the archive: Bad CRC-32 for file 'a.png'"),
        (lambda data: damaged(data, 2000), {"compression": 8}, "is damaged in the archive: "),
        (lambda data: data, {"compression": 12}, "is packed with bzip2; pack the archive anew, with deflate"),
        (lambda data: damaged(data, 0), {}, "is damaged in the archive: Bad magic number for file header"),
    ],
)
def test_members_of_a_zip_that_cannot_be_read(tree, change, options, error):
    tree()
    data = in_zip(change, **options)
    (tree() / "a.zip").write_bytes(data)
    first, second = rows("a.zip")
    assert first[0] == "a.zip/a.png"
    assert first[1].startswith(error)
    assert bool(second[1]) == (options == {"compression": 12})


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_tar_that_is_cut_off_gives_what_it_holds(tree, name):
    tree()
    pack(name, [("a.png", CAT), ("b.png", COFFEE), ("c.txt", os.urandom(2**20))])
    data = (tree() / name).read_bytes()
    (tree() / name).write_bytes(data[: len(data) - 2**19])
    *_, last = found = rows(name)
    assert found[0] == (f"{name}/a.png", "")
    assert last[0] == name
    assert last[1].startswith("is a damaged archive, or none: ")


def test_header_that_is_damaged_is_not_the_end(tree):
    tree()
    pack("a.tar", [("a.png", CAT), ("b.png", COFFEE)])
    data = (tree() / "a.tar").read_bytes()
    (tree() / "a.tar").write_bytes(damaged(data, data.index(b"b.png")))
    first, last = rows("a.tar")
    assert first == ("a.tar/a.png", "")
    assert last[0] == "a.tar"
    assert "bad checksum at byte" in last[1]


def test_wrong_checksum_of_a_compressed_tar_is_told(tree):
    tree()
    pack("a.tgz", [("a.png", CAT)])
    data = (tree() / "a.tgz").read_bytes()
    (tree() / "a.tgz").write_bytes(damaged(data, len(data) - 7))
    assert rows("a.tgz")[1][1].startswith("is a damaged archive, or none: CRC check failed")


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.zip", b"", "the file is empty"),
        ("a.zip", b"<html>not found", "is no zip archive: File is not a zip file"),
        ("a.zip", b"PK\3\4" + bytes(99), "is a damaged zip (File is not a zip file); the list of its files"),
        ("a.zip", b"PK\5\6" + bytes(18), "the archive holds no pictures (.jpg, .jpeg, .jpe ...)"),
        ("a.tar", b"", "is a damaged archive, or none: empty file"),
        ("a.tar", b"words " * 999, "is a damaged archive, or none: "),
        ("a.tar", bytes(10_240), "the archive holds no pictures (.jpg, .jpeg, .jpe ...)"),
        ("a.tar.gz", gzip.compress(b"words " * 999, mtime=0), "is a damaged archive, or none: "),
        ("a.tar.xz", b"\xfd7zXZ\0" + bytes(99), "is a damaged archive, or none: "),
        ("a.tar", None, "no such file"),
    ],
)
def test_archive_without_pictures_has_one_row(tree, name, data, error):
    tree()
    if data is not None:
        (tree() / name).write_bytes(data)
    ((row, told),) = rows(name)
    assert row == name
    assert told.startswith(error)


def test_all_left_out_is_told(tree):
    tree()
    pack("a.zip", [("p/a.png", CAT)])
    assert rows("a.zip", exclude=("p/",))[0][1].startswith("all pictures in the archive are left out: by --exclude")


# ---- bombs


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_member_over_the_limit_costs_itself(tree, name):
    tree()
    pack(name, [("big.png", CAT), ("small.png", tiny())])
    first, second = rows(name, max_bytes=1000)
    assert first[1] == f"its {len(CAT):,} bytes are over the limit of 1,000; raise it with --max-bytes"
    assert second == (f"{name}/small.png", "")


def tiny():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def test_zip_that_lies_about_a_size_is_not_unpacked_further(tree):
    tree()
    pack("a.zip", [("a.png", bytes(2**24))], compression=8)
    data = (tree() / "a.zip").read_bytes()
    (tree() / "a.zip").write_bytes(data.replace(struct.pack("<I", 2**24), struct.pack("<I", 1000)))
    assert rows("a.zip") == [("a.zip/a.png", "is damaged in the archive: Bad CRC-32 for file 'a.png'")]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_what_swells_is_not_read(tree, monkeypatch, name):
    tree()
    monkeypatch.setattr(archives, "FREE_SWELLING", 2**16)
    options = {"compression": 8} if name == "a.zip" else {}
    pack(name, [("a.png", tiny()), ("b.png", bytes(2**22)), ("c.png", tiny())], **options)
    found = dict(rows(name))
    assert found[f"{name}/a.png"] == ""
    assert "as in a decompression bomb" in found[f"{name}/b.png" if name == "a.zip" else name]
    assert (f"{name}/c.png" in found) == (name == "a.zip")


@pytest.mark.parametrize("type", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_header_as_large_as_a_file_takes_no_memory(tree, type):
    tree()
    info = tarfile.TarInfo("a.png")
    info.type, info.size = type, 2**33
    (tree() / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    assert rows("a.tar") == [("a.tar", "is a damaged archive: a header is as large as a file")]


def write_zip_of_zeros():
    """256 MiB that are said to be 1,000 bytes."""
    pack("zeros.zip", [("z.png", bytes(2**28))], compression=8, compresslevel=1)
    data = Path("zeros.zip").read_bytes()
    Path("zeros.zip").write_bytes(data.replace(struct.pack("<I", 2**28), struct.pack("<I", 1000)))


def write_tar_of_zeros():
    """2 GiB, of gzip's blocks one after the other, and then another file."""
    infos = [tarfile.TarInfo("z.png"), tarfile.TarInfo("a.png")]
    infos[0].size = 2**31
    zeros = gzip.compress(bytes(2**24), 1)
    Path("zeros.tar.gz").write_bytes(gzip.compress(infos[0].tobuf()) + 128 * zeros + gzip.compress(infos[1].tobuf()))


@pytest.mark.parametrize(
    ("write", "path", "error"),
    [
        (write_zip_of_zeros, "zeros.zip/z.png", "is damaged in the archive: Bad CRC-32 for file 'z.png'"),
        (write_tar_of_zeros, "zeros.tar.gz/z.png", "its 2,147,483,648 bytes are over the limit of 268,435,456; raise"),
    ],
)
def test_gigabytes_of_zeros_take_no_memory(run, tree, write, path, error):
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this system does not tell a process's own peak")
    write()
    message, mib = run("tests/peak.py", os.path.abspath(path), PYTHONPATH=str(ROOT)).stdout.splitlines()
    assert message.startswith(error)
    assert float(mib) < 30
