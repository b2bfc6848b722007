"""The first image file directory (IFD) of a TIFF or BigTIFF: its tags, read without trust (TIFF 6.0, section 2)."""

import struct
from typing import BinaryIO, Literal

import numpy as np

SIGNATURES: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}

IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_BYTE_COUNTS = 273, 274, 277, 278, 279
PLANAR_CONFIGURATION, PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_LENGTH = 284, 317, 320, 322, 323
TILE_OFFSETS, TILE_BYTE_COUNTS, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 324, 325, 332, 338, 339
YCBCR_SUBSAMPLING, ICC_PROFILE = 530, 34675

_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 5: "V8", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 10: "V8", 11: "f4", 12: "f8",
          13: "u4", 16: "u8", 17: "i8", 18: "u8"}  # fmt: skip

Entry = tuple[np.dtype, int, bytes, int]  # type, number of values, the entry's own bytes, and the same as an offset


class DamagedTiff(Exception):
    """What a TIFF says of itself cannot be."""


class Directory:
    """The tags of an IFD; raises DamagedTiff where the file ends early, or the tags overlap."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.file_size = file.seek(0, 2)
        head = self._read(0, 16, at_least=8)
        self.byte_order = SIGNATURES[head[:4]]
        self._big = head[2:4] in (b"+\0", b"\0+")
        (offset,) = self._unpack("Q", head[8:16]) if self._big else self._unpack("I", head[4:8])
        self.entries, self.has_next = self._read_entries(offset)
        if self._bytes_of_values() > self.file_size:
            raise DamagedTiff("its tags overlap")

    @property
    def width(self) -> int:
        """Return the pixels of a row, as stored."""
        return self.get(IMAGE_WIDTH)[0]

    @property
    def height(self) -> int:
        """Return the number of rows, as stored."""
        return self.get(IMAGE_LENGTH)[0]

    def get(self, tag: int, default: int | None = None) -> list[int]:
        """Return a short tag's values, at most 64; raises DamagedTiff for a tag that is missing and has no default."""
        if tag not in self.entries and default is not None:
            return [default]
        values = self.get_array(tag, 64)
        if not values.size:
            raise DamagedTiff(f"the tag {tag} has no value")
        return values.tolist()

    def get_pair(self, tag: int, default: int) -> tuple[int, int]:
        """Return the first two values of a short tag."""
        values = self.get(tag, default)
        return values[0], values[-1 if len(values) == 1 else 1]

    def get_array(self, tag: int, most: int) -> np.ndarray:
        """Return the first values of a tag, at most so many."""
        if tag not in self.entries:
            raise DamagedTiff(f"the tag {tag} is missing")
        dtype, count, inline, offset = self.entries[tag]
        if dtype.kind not in "ui":
            raise DamagedTiff(f"the tag {tag} does not hold integers")
        size = min(count, most) * dtype.itemsize
        fits = count * dtype.itemsize <= len(inline)
        return np.frombuffer(inline[:size] if fits else self._read(offset, size), dtype)

    def _read_entries(self, offset: int) -> tuple[dict[int, Entry], bool]:
        """Return the entry of each tag, and whether another IFD follows."""
        number, entry, word = ("Q", "HHQ8s", "Q") if self._big else ("H", "HHI4s", "I")
        (count,) = self._unpack(number, self._read(offset, struct.calcsize(f"={number}")))
        start, size = offset + struct.calcsize(f"={number}"), struct.calcsize(f"={entry}")
        if not 0 < count < 65536:
            raise DamagedTiff(f"its directory has {count:,} tags")
        table = self._read(start, count * size)
        entries: dict[int, Entry] = {}
        for tag, kind, values, inline in struct.iter_unpack(self.byte_order + entry, table):
            if kind in _TYPES:
                dtype = np.dtype(_TYPES[kind]).newbyteorder(self.byte_order)
                entries.setdefault(
                    tag, (dtype, values, inline, self._unpack(word, inline)[0])
                )  # the first counts, as in libtiff
        end = self._read(start + count * size, len(inline), at_least=0)  # which some writers leave out
        return entries, len(end) == len(inline) and any(end)

    def _bytes_of_values(self) -> int:
        sizes = ((dtype.itemsize * count, offset) for dtype, count, _, offset in self.entries.values())
        return sum(size for size, offset in sizes if offset + size <= self.file_size)  # Pillow reads no others

    def _unpack(self, format: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack(self.byte_order + format, data)

    def _read(self, offset: int, size: int, at_least: int | None = None) -> bytes:
        if offset > self.file_size:
            raise DamagedTiff("its header points behind its end")
        self.file.seek(offset)
        data = self.file.read(size)
        if len(data) < (size if at_least is None else at_least):
            raise DamagedTiff("the file ends early")
        return data
