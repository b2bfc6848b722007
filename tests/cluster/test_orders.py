"""What a cluster is told, without one: errors at once, blocks of inputs, names on stdin, counts of tries."""

import os
import socket
import tempfile
import threading
import zipfile

import pytest
from conftest import IMAGES

from cluster import connection
from cluster.order import Order, Within
from cluster.tries import Tries
from errors import UsageError
from sources.search import Search
from sources.spool import Spool

RUN = ("--image", "images", "--cluster")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*RUN, "local"), "--cluster writes a folder of parts; give --output FOLDER/"),
        ((*RUN, "local", "-o", "r.csv"), "--cluster writes a folder of parts; give --output FOLDER/"),
        ((*RUN, "locl", "-o", "out"), "--cluster locl is not local, auto, HOST:PORT or ray://HOST:PORT"),
        ((*RUN, "local", "-o", "https://h/out/"), "--output https://h/out/ is in no object store; give s3://, gs://"),
        ((*RUN, "local", "-o", "out/", "--show"), "--show works on one machine only; leave it out, or leave --cl"),
        ((*RUN, "local", "-o", "out/", "--copy-to", "x"), "--copy-to works on one machine only; leave it out"),
        ((*RUN, "local", "-o", "out/", "--device", "gpu:1"), "--device gpu:1 is one GPU of a machine; with --cluster"),
        ((*RUN, "local", "-o", "out/", "--image", "camera:0"), "--cluster cannot share camera:0, which is live"),
        ((*RUN, "locl", "-o", "out/"), "--cluster locl is not local, auto, HOST:PORT or ray://HOST:PORT"),
        ((*RUN, "ray://h:1", "-o", "out/", "-i", "-"), "--cluster ray://... cannot read --image - from here"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_before_ray_is_imported(classify, arguments, message, tmp_path):
    (tmp_path / "ray.py").write_text("raise SystemExit('imported')")
    finished = classify(*arguments, PYTHONPATH=str(tmp_path))
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"error: {message}")
    assert finished.stderr.count("\n") == 1


def test_address_that_does_not_answer(classify, tmp_path):
    pytest.importorskip("ray")
    finished = classify(*RUN, "127.0.0.1:1", "-o", f"{tmp_path}/")
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: --cluster 127.0.0.1:1 does not answer (Connection refused); ray status ")


def answer(server):
    connection, _address = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 400 \r\n")


def test_address_of_something_else(classify, tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=answer, args=[server]).start()
        finished = classify(*RUN, address, "-o", f"{tmp_path}/")
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"error: --cluster {address} does not answer (what is there is not Ray); ray ")


def test_folder_of_a_run_that_was_killed_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(connection, "LONGEST_TMPDIR", 1000)
    monkeypatch.setattr(connection, "_start", lambda _options: None)
    monkeypatch.setattr(connection, "_end", lambda _address: None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    killed = tmp_path / f"{connection.PREFIX}killed"
    killed.mkdir()
    (killed / connection.LOCK_FILE).touch()
    with connection.connected("local") as first, connection.connected("local") as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
    assert not list(tmp_path.iterdir())


class NoParts:
    """A folder of parts that is empty."""

    next_number, rows, failed = 1, 0, 0


@pytest.fixture
def listed(tmp_path):
    """Return the blocks of what is named, without those that have something to say."""
    pytest.importorskip("ray.data")
    from cluster.listing import list_blocks

    def listed_blocks(*names, workers=2):
        order = Order(None, names, NoParts(), Search(), 5, 0, (None, True), str(tmp_path), True)
        return [block for block in list_blocks(order, workers) if not block.said]

    return listed_blocks


def test_blocks_grow_with_what_was_listed(listed, make):
    folder = make(*(f"{number:04}.png" for number in range(3000)))
    blocks = listed(str(folder))
    sizes = [len(block.items) for block in blocks]
    assert [block.number for block in blocks] == list(range(1, len(blocks) + 1))
    assert sizes[0] == 64
    assert sizes[:-1] == sorted(sizes[:-1])
    assert 150 < max(sizes) <= 3000 / 16
    assert [item for block in blocks for item in block.items] == sorted(map(str, folder.iterdir()))


def test_archives_are_divided_where_any_file_can_be_read(listed, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("x.png", "y.txt", "z.png"):
            archive.write(IMAGES / "cat.png", name)
    (tmp_path / "b.tar.gz").touch()
    blocks = listed("a.zip", "nowhere.png", "b.tar.gz", str(IMAGES / "cat.png"))
    assert [block.items for block in blocks] == [
        (Within("a.zip", 0), Within("a.zip", 1), "nowhere.png"),
        (Within("b.tar.gz"),),
        (str(IMAGES / "cat.png"),),
    ]


def test_folder_that_is_not_there(listed, tmp_path):
    from cluster.listing import list_blocks

    order = Order(None, ("a.png",), NoParts(), Search(), 5, 0, (None, True), str(tmp_path / "gone"), True)
    with pytest.raises(UsageError, match=r"cannot enter .*gone, where the run was started"):
        next(list_blocks(order, 1))


def test_names_on_stdin_are_read_while_they_come(tmp_path):
    more, data = threading.Event(), iter([b"a.png\nb", b".png\n", b""])

    def read(_size):
        more.wait()
        return next(data)

    spool = Spool(str(tmp_path / "stdin"), b"\n")
    spool.fill(read)
    names = spool.paths()
    more.set()
    assert list(names) == list(spool.paths()) == ["a.png", "b.png"]


def test_tries_know_what_was_in_hand():
    tries = Tries()
    assert tries.begin(7) == (1, {})
    tries.hold(7, 2)
    assert tries.begin(7) == (2, {2: 1})
    tries.hold(7, 2)
    assert tries.begin(7) == (3, {2: 2})
    tries.end(7)
    assert tries.begin(7) == (1, {})
