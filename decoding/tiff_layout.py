"""How a TIFF's pixels are stored: kind of samples, colours, strips or tiles, and whether they can be read."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from decoding import tiff_directory as tags
from decoding.tiff_directory import DamagedTiff, Directory
from errors import ImageError

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
COLORS = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, PALETTE: 1, MASK: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}
OTHER_COLORS = {10: "ITU LAB", 32803: "a colour filter array of a camera", 32844: "SGI LogL", 32845: "SGI LogLuv",
                34892: "a camera's linear raw data"}  # fmt: skip
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA, COREL_ALPHA = 1, 2, 999

UNCOMPRESSED = 1
CCITT = (2, 3, 4)
JPEG = (6, 7)
THUNDERSCAN = 32809
DEFLATE = (8, 32946)
LIBTIFF = (5, 32773, 34925, 50000)  # LZW, PackBits, LZMA and Zstandard, which Pillow's libtiff undoes
PICTURES = {50001: "WEBP", 34712: "JPEG2000", 33005: "JPEG2000", 34933: "PNG"}  # a whole picture in each strip or tile
COMPRESSION_NAMES = {2: "CCITT", 3: "CCITT group 3", 4: "CCITT group 4", 6: "JPEG", 7: "JPEG", 9: "JBIG", 10: "JBIG",
                     32809: "ThunderScan", 32908: "PixarFilm", 32909: "PixarLog", 32947: "DCS", 33003: "JPEG 2000",
                     33004: "JPEG 2000", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 34887: "LERC",
                     34892: "lossy JPEG", 34934: "JPEG XR", 50002: "JPEG XL", 52546: "JPEG XL"} | PICTURES  # fmt: skip
PREDICTED = (5, *DEFLATE, 34925, 50000)  # other compressions have no predictor, whatever the tag says
HORIZONTAL, FLOATING_POINT = 2, 3

FORMATS = {"u": "integers", "i": "signed integers", "f": "floats"}
KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # sample formats, as numpy names them; 4 is "undefined"
BITS = {"u": (*range(1, 17), 24, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
MOST_SAMPLES = 64  # per pixel
FEW_PIXELS = 1 << 22


@dataclass(frozen=True)
class Layout:
    """How the pixels of one picture are stored; tiles are also strips, which are as wide as the picture."""

    width: int
    height: int
    kind: str  # "u"nsigned, "i"nteger or "f"loat
    bits: int
    samples: int  # of each pixel; where YCbCr is subsampled, of each block of pixels
    photometric: int
    alpha: int | None  # number of the sample
    associated: bool  # colours are multiplied by alpha
    compression: int
    predictor: int
    separate: bool  # a plane for each sample, not pixel by pixel
    byte_order: Literal["<", ">"]
    reversed_bits: bool
    tile: tuple[int, int]  # width and height
    tiled: bool
    offsets: np.ndarray
    byte_counts: np.ndarray

    @property
    def columns(self) -> int:
        """Return the number of tiles side by side."""
        return math.ceil(self.width / self.tile[0])

    @property
    def planes(self) -> int:
        """Return how many planes have colours or alpha."""
        return max(COLORS[self.photometric], (self.alpha or 0) + 1) if self.separate else 1

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row of one tile, and of one plane of it."""
        return math.ceil(self.tile[0] * (1 if self.separate else self.samples) * self.bits / 8)


def cannot_be_read(what: str) -> ImageError:
    """Return the error for a TIFF that is well but for which there is no decoder."""
    return ImageError(f"is a TIFF of a kind that cannot be read ({what}); convert it, to PNG for example")


def read_layout(directory: Directory) -> Layout:
    """Read how the pixels are stored; raises DamagedTiff, and ImageError for kinds that cannot be read."""
    photometric = directory.get(tags.PHOTOMETRIC, 0)[0]
    compression = directory.get(tags.COMPRESSION, 1)[0]
    if photometric not in COLORS:
        raise cannot_be_read(OTHER_COLORS.get(photometric, f"photometric interpretation {photometric}"))
    samples = directory.get(tags.SAMPLES_PER_PIXEL, COLORS[photometric] if compression in JPEG else 1)[0]
    if photometric == YCBCR and samples == 1:
        photometric = MIN_IS_BLACK
    if samples < COLORS[photometric]:
        raise cannot_be_read(f"photometric interpretation {photometric} of {samples} samples per pixel")
    if samples > MOST_SAMPLES:
        raise cannot_be_read(f"{samples:,} samples per pixel")
    kind, bits = _kind_of_samples(directory, samples)
    alpha, associated = _alpha(directory, samples, photometric)
    separate = directory.get(tags.PLANAR_CONFIGURATION, 1)[0] == 2 and samples > 1
    tiled = tags.TILE_OFFSETS in directory.entries
    tile = _tile(directory, tiled)
    offsets, byte_counts = _segments(directory, tiled, tile, samples if separate else 1)
    return Layout(
        width=directory.width,
        height=directory.height,
        kind=kind,
        bits=bits,
        samples=samples,
        photometric=photometric,
        alpha=alpha,
        associated=associated,
        compression=compression,
        predictor=directory.get(tags.PREDICTOR, 1)[0] if compression in PREDICTED else 1,
        separate=separate,
        byte_order=directory.byte_order,
        reversed_bits=directory.get(tags.FILL_ORDER, 1)[0] == 2,
        tile=tile,
        tiled=tiled,
        offsets=offsets,
        byte_counts=byte_counts,
    )


def in_blocks(layout: Layout, across: int, down: int) -> Layout:
    """Take each block of subsampled YCbCr (its Y's, then Cb and Cr) for one pixel (TIFF 6.0, section 21)."""
    if not {across, down} <= {1, 2, 4} or layout.separate or layout.samples != 3:
        raise cannot_be_read(f"YCbCr, subsampled {across} x {down}")
    return replace(
        layout,
        width=math.ceil(layout.width / across),
        height=math.ceil(layout.height / down),
        tile=(math.ceil(layout.tile[0] / across), math.ceil(layout.tile[1] / down)),
        samples=across * down + 2,
    )


def check_readable(layout: Layout) -> None:
    """Raise ImageError, with what is the matter, where `tiff_samples` cannot read the pixels."""
    compression = COMPRESSION_NAMES.get(layout.compression, f"number {layout.compression}")
    colors = "palette" if layout.photometric == PALETTE else "LAB" if layout.photometric in (CIELAB, ICCLAB) else ""
    samples = " ".join(filter(None, [f"{layout.bits}-bit", FORMATS[layout.kind], colors]))
    if layout.compression not in (UNCOMPRESSED, *DEFLATE, *LIBTIFF, *PICTURES):
        raise cannot_be_read(f"compression {compression} of {samples}")
    if layout.compression in PICTURES and not _are_plain_pictures(layout):
        raise cannot_be_read(f"compression {compression} of {samples}")
    if layout.bits not in BITS[layout.kind]:
        raise cannot_be_read(samples)
    if layout.predictor not in (1, HORIZONTAL, FLOATING_POINT):
        raise cannot_be_read(f"predictor {layout.predictor}")
    if layout.predictor != 1 and layout.bits not in (8, 16, 32, 64):
        raise cannot_be_read(f"{samples} with a predictor")
    if layout.predictor == FLOATING_POINT and layout.kind != "f":
        raise cannot_be_read(f"{samples} with a predictor for floats")
    if colors == "LAB" and (layout.kind == "f" or layout.bits not in (8, 16)):
        raise cannot_be_read(samples)
    if colors == "palette" and (layout.kind != "u" or layout.bits > 16):
        raise cannot_be_read(samples)


def _are_plain_pictures(layout: Layout) -> bool:
    """Tell whether each strip or tile is a picture of a mode of Pillow's."""
    plain = (layout.kind, layout.bits, layout.separate) == ("u", 8, False) and layout.samples <= 4
    return plain and layout.photometric in (MIN_IS_BLACK, RGB)


def _kind_of_samples(directory: Directory, samples: int) -> tuple[str, int]:
    bits = directory.get(tags.BITS_PER_SAMPLE, 1)[:samples]
    formats = directory.get(tags.SAMPLE_FORMAT, 1)[:samples]
    if len(set(bits)) > 1 or len(set(formats)) > 1:
        raise cannot_be_read(f"samples of several kinds, of {', '.join(map(str, bits))} bits")
    if formats[0] not in KINDS:
        raise cannot_be_read("complex numbers" if formats[0] in (5, 6) else f"sample format {formats[0]}")
    return KINDS[formats[0]], bits[0]


def _alpha(directory: Directory, samples: int, photometric: int) -> tuple[int | None, bool]:
    """Return which sample is alpha, and whether the colours are multiplied by it."""
    extra = directory.get(tags.EXTRA_SAMPLES, 0)
    if tags.EXTRA_SAMPLES not in directory.entries and photometric == RGB and samples == 4:
        extra = [UNASSOCIATED_ALPHA]  # as Pillow takes it
    for number, meaning in enumerate(extra, COLORS[photometric]):
        if meaning in (ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA, COREL_ALPHA) and number < samples:
            return number, meaning == ASSOCIATED_ALPHA
    return None, False


def _tile(directory: Directory, tiled: bool) -> tuple[int, int]:
    """Return width and height of the tiles or strips in pixels."""
    if not tiled:
        rows = directory.get(tags.ROWS_PER_STRIP, directory.height)[0]
        tile = directory.width, min(rows, directory.height)
    else:
        tile = directory.get(tags.TILE_WIDTH)[0], directory.get(tags.TILE_LENGTH)[0]
    if not 0 < tile[0] * tile[1] <= directory.width * directory.height + FEW_PIXELS:
        raise DamagedTiff(f"strips or tiles of {tile[0]:,} x {tile[1]:,} pixels")
    return tile


def _segments(directory: Directory, tiled: bool, tile: tuple[int, int], planes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets and byte counts of all strips or tiles."""
    if directory.get(tags.COMPRESSION, 1)[0] == JPEG[0]:
        return np.zeros(0), np.zeros(0)  # it has its own tags for where the data are
    count = math.ceil(directory.width / tile[0]) * math.ceil(directory.height / tile[1]) * planes
    if count > 1 << 15 and count * 16 > directory.width * directory.height * planes:
        raise DamagedTiff(f"{count:,} strips or tiles for {directory.width:,} x {directory.height:,} pixels")
    offsets = directory.get_array(tags.TILE_OFFSETS if tiled else tags.STRIP_OFFSETS, count)
    counts_tag = tags.TILE_BYTE_COUNTS if tiled else tags.STRIP_BYTE_COUNTS
    if counts_tag in directory.entries:
        byte_counts = directory.get_array(counts_tag, count)
    else:  # old writers leave them out for a single strip
        byte_counts = np.full(len(offsets), directory.file_size)
    if len(offsets) < count or len(byte_counts) < count:
        raise DamagedTiff(f"{len(offsets):,} of its {count:,} strips or tiles are there")
    return offsets, byte_counts
