"""PNG: checksums of what makes the picture count; whatever else stands in the file does not cost it."""

import io
import struct
import zlib

import numpy as np
import pytest

from errors import ImageError
from preprocess import decode_image

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
ROWS = b"".join(b"\0" + row.tobytes() for row in PIXELS)
ODD = {
    b"tEXt": b"a\0b", b"zTXt": b"a\0\1xxx", b"iTXt": b"a", b"iCCP": b"x\0\5yyy", b"pHYs": b"\0\0", b"cHRM": b"\0\0\1",
    b"gAMA": b"\0", b"tIME": b"1", b"sRGB": b"", b"bKGD": b"", b"eXIf": b"", b"acTL": b"\0", b"fcTL": b"\0",
    b"abCd": b"",
}  # fmt: skip


def chunk(kind, data, wrong=False):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ wrong)


def png(before=b"", after=b"", rows=ROWS, wrong=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 8, 8, 2, 0, 0, 0), wrong == b"IHDR")
    pixels = chunk(b"IDAT", zlib.compress(rows), wrong == b"IDAT")
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def read(data):
    return decode_image(io.BytesIO(data), "picture")


@pytest.mark.parametrize("wrong", [False, True], ids=["right sum", "wrong sum"])
@pytest.mark.parametrize("kind", ODD, ids=bytes.decode)
def test_odd_chunks_do_not_cost_the_picture(kind, wrong):
    odd = chunk(kind, ODD[kind], wrong)
    assert (np.asarray(read(png(before=odd))) == PIXELS).all()
    assert (np.asarray(read(png(after=odd))) == PIXELS).all()


def test_orientation_is_kept_beside_an_odd_chunk():
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0"
    upside_down = read(png(before=chunk(b"eXIf", exif) + chunk(b"tEXt", b"a\0b", wrong=True)))
    assert (np.asarray(upside_down) == PIXELS[::-1, ::-1]).all()


def test_wrong_transparency_is_damage():
    with pytest.raises(ImageError, match="damaged"):
        read(png(before=chunk(b"tRNS", bytes(6), wrong=True)))


@pytest.mark.parametrize(
    ("wrong", "message"), [(b"IHDR", "^damaged picture"), (b"IDAT", "the checksum of IDAT is wrong")]
)
def test_wrong_checksum(wrong, message):
    with pytest.raises(ImageError, match=message):
        read(png(wrong=wrong))


@pytest.mark.parametrize("rows", [ROWS[:-40], b""])
def test_rows_that_are_missing(rows):
    with pytest.raises(ImageError, match="damaged PNG picture"):
        read(png(rows=rows))


def test_what_is_not_needed_may_be_missing():
    whole = png()
    assert (np.asarray(read(whole[:-12])) == PIXELS).all()  # without its end
    assert (np.asarray(read(whole + bytes(1000))) == PIXELS).all()
