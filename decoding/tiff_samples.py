"""From a TIFF's strips and tiles to arrays of samples, some rows at a time."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from decoding.tiff_directory import DamagedTiff
from decoding.tiff_layout import (
    DEFLATE,
    FLOATING_POINT,
    HORIZONTAL,
    LIBTIFF,
    PICTURES,
    UNCOMPRESSED,
    Layout,
    cannot_be_read,
)
from settings import MAX_PIXELS

PIECE_BYTES = 1 << 20  # of samples that are converted at a time
MOST_BYTES = MAX_PIXELS  # of a strip or tile that can only be decompressed as a whole
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def read_samples(file: BinaryIO, layout: Layout) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield x, y and the samples [rows, columns, samples] of one piece of the picture after the other, within it."""
    tiles = layout.columns * -(-layout.height // layout.tile[1])
    for number in range(tiles):
        x = number % layout.columns * layout.tile[0]
        y = number // layout.columns * layout.tile[1]
        rows = min(layout.tile[1], layout.height - y)
        planes = range(layout.planes)
        segments = [_read_segment(file, layout, number + plane * tiles, rows) for plane in planes]
        for pieces in zip(*segments, strict=True):
            samples = np.concatenate(pieces, axis=2) if layout.separate else pieces[0]
            yield x, y, samples[:, : layout.width - x]
            y += len(samples)


def _read_segment(file: BinaryIO, layout: Layout, number: int, rows: int) -> Iterator[np.ndarray]:
    """Yield the rows [rows, columns, samples] of one plane of one strip or tile, which has so many, some at a time."""
    offset, count = int(layout.offsets[number]), int(layout.byte_counts[number])
    stored_rows = layout.tile[1] if layout.tiled else rows
    if not count:
        raise DamagedTiff(f"strip or tile {number + 1} is empty")
    for raw in _decompress(file, offset, count, layout, stored_rows):
        yield _unpack(raw[:rows], layout)
        rows -= len(raw)
        if rows <= 0:
            break


def _decompress(file: BinaryIO, offset: int, count: int, layout: Layout, rows: int) -> Iterator[np.ndarray]:
    """Yield the decompressed bytes [rows, row_bytes] of a strip or tile, some rows at a time."""
    row_bytes, total = layout.row_bytes, layout.row_bytes * rows
    in_one_piece = layout.compression in (*LIBTIFF, *PICTURES)
    if (total if in_one_piece else row_bytes) > MOST_BYTES:
        raise cannot_be_read(f"strips or tiles of {total:,} bytes in one piece")
    step = max(1, max(PIECE_BYTES, total // 64) // row_bytes)  # zlib copies what is left for each
    pieces = [range(start, min(start + step, rows)) for start in range(0, rows, step)]
    count = min(count, 2 * total + 1024)  # no compression makes data larger than that
    blocks: Iterator[bytes]
    if layout.compression == UNCOMPRESSED:
        blocks = (_read(file, offset + row_bytes * part[0], row_bytes * len(part), layout) for part in pieces)
    elif layout.compression in DEFLATE:
        blocks = _inflate(_read(file, offset, count, layout), [row_bytes * len(part) for part in pieces])
    else:
        blocks = _crop(_decode(file, offset, count, layout, rows), pieces)
    for part, block in zip(pieces, blocks, strict=True):
        if len(block) != row_bytes * len(part):
            raise DamagedTiff("a strip or tile ends early")
        yield np.frombuffer(block, np.uint8).reshape(-1, row_bytes)


def _read(file: BinaryIO, offset: int, size: int, layout: Layout) -> bytes:
    file.seek(offset)
    data = file.read(size)
    return data.translate(REVERSED) if layout.reversed_bits else data


def _inflate(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    for size in sizes:
        yield stream.decompress(data, size)
        data = stream.unconsumed_tail


def _crop(image: Image.Image, pieces: list[range]) -> Iterator[bytes]:
    for part in pieces:
        yield image.crop((0, part.start, image.width, part.stop)).tobytes()


def _decode(file: BinaryIO, offset: int, size: int, layout: Layout, rows: int) -> Image.Image:
    """Decompress a strip or tile as a picture: its own, or for libtiff its bytes as if they were one of 8-bit grey."""
    data = _read(file, offset, size, layout)
    if layout.compression in PICTURES:
        width, mode = layout.tile[0], {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[layout.samples]
        try:
            image = Image.open(io.BytesIO(data), formats=[PICTURES[layout.compression]])
        except Image.UnidentifiedImageError as error:
            raise DamagedTiff(f"a strip or tile is no {PICTURES[layout.compression]} picture") from error
    else:
        data, width, mode = _as_grey_tiff(data, layout, rows), layout.row_bytes, "L"
        image = Image.open(io.BytesIO(data), formats=["TIFF"])
    if image.size != (width, rows):
        raise DamagedTiff(f"a strip or tile has {image.width} x {image.height} pixels")
    return image if image.mode == mode else image.convert(mode)


def _as_grey_tiff(data: bytes, layout: Layout, rows: int) -> bytes:
    """Return an 8-bit grey TIFF of one strip, which Pillow's libtiff decompresses to the bytes [rows, row_bytes]."""
    head = 8 + 2 + 9 * 12 + 4  # bytes before the data, with nine tags
    width, compression = layout.row_bytes, layout.compression
    tags = {256: width, 257: rows, 258: 8, 259: compression, 262: 1, 273: head, 277: 1, 278: rows, 279: len(data)}
    entries = (struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(entries) + bytes(4) + data


def _unpack(raw: np.ndarray, layout: Layout) -> np.ndarray:
    """Turn bytes [rows, row_bytes] into samples [rows, columns, samples], and undo the predictor."""
    width, samples, bits = layout.tile[0], 1 if layout.separate else layout.samples, layout.bits
    if bits not in (8, 16, 32, 64):
        return _unpack_bits(raw, width * samples, layout).reshape(len(raw), width, samples)
    dtype = np.dtype(f"{layout.kind}{bits // 8}")
    if layout.predictor == FLOATING_POINT:
        return _undo_floating_point(raw, samples, dtype).reshape(len(raw), width, samples)
    values = raw.view(dtype.newbyteorder(layout.byte_order)).reshape(len(raw), width, samples)
    if layout.predictor == HORIZONTAL:
        steps = values.astype(dtype).view(f"u{dtype.itemsize}")
        return np.cumsum(steps, axis=1, dtype=steps.dtype).view(dtype)
    return values.astype(dtype, copy=False)


def _undo_floating_point(raw: np.ndarray, samples: int, dtype: np.dtype) -> np.ndarray:
    """Undo the predictor of Adobe's TIFF technical note 3: differences of bytes, the highest bytes of a row first."""
    summed = np.cumsum(raw.reshape(len(raw), -1, samples), axis=1, dtype=np.uint8)
    planes = summed.reshape(len(raw), dtype.itemsize, -1)
    return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">")).astype(dtype)


def _unpack_bits(raw: np.ndarray, count: int, layout: Layout) -> np.ndarray:
    """Unpack so many samples of each row, of any number of bits up to 32, the highest bit first."""
    if layout.bits == 24 and layout.byte_order == "<":
        raw = np.ascontiguousarray(raw.reshape(len(raw), -1, 3)[..., ::-1]).reshape(len(raw), -1)
    bits = np.unpackbits(raw, axis=1, count=count * layout.bits).reshape(len(raw), count, layout.bits)
    width = 32 if layout.bits > 16 else 16
    padded = np.zeros((len(raw), count, width), np.uint8)
    padded[..., width - layout.bits :] = bits
    return np.packbits(padded, axis=-1).view(f">u{width // 8}").astype(f"u{width // 8}")
