"""From a TIFF's samples, of any bits and kind, to 8-bit colours over white."""

from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from decoding.tiff_directory import COLOR_MAP, DamagedTiff, Directory
from decoding.tiff_layout import CIELAB, CMYK, COLORS, ICCLAB, MIN_IS_WHITE, PALETTE, YCBCR, Layout
from decoding.tiff_samples import read_samples

MODES = {
    PALETTE: "RGB",
    CMYK: "CMYK",
    YCBCR: "YCbCr",
    CIELAB: "LAB",
    ICCLAB: "LAB",
}  # Pillow's, where samples do not tell
WHITE = {MIN_IS_WHITE: 0, CMYK: 0, CIELAB: (255, 0, 0), ICCLAB: (255, 0, 0)}  # others: 255

Scale = Callable[[np.ndarray], np.ndarray]  # from samples to 0..255


def mode_of(layout: Layout) -> str:
    """Return Pillow's mode for what `color_converter` makes."""
    return MODES.get(layout.photometric, "L" if COLORS[layout.photometric] == 1 else "RGB")


def color_converter(file: BinaryIO, directory: Directory, layout: Layout) -> Scale:
    """Return the function from samples [rows, columns, samples] to uint8 [rows, columns, colours] over white."""
    colors = COLORS[layout.photometric]
    scale, opacity = _color_scale(file, directory, layout), _alpha_scale(layout)

    def convert(samples: np.ndarray) -> np.ndarray:
        shades = scale(samples[..., :colors])
        if layout.alpha is not None:
            white = np.array(WHITE.get(layout.photometric, 255))
            shades = _over(white, shades, opacity(samples[..., layout.alpha, None]), layout.associated)
        return (255 - shades if layout.photometric == MIN_IS_WHITE else shades).astype(np.uint8)

    return convert


def _over(ground: np.ndarray, shades: np.ndarray, alpha: np.ndarray, associated: bool) -> np.ndarray:
    """Lay colours over a plain ground (Porter and Duff 1984); associated ones are multiplied by alpha already."""
    shades, rest = shades.astype(np.int32), (255 - alpha.astype(np.int32)) * ground
    return np.minimum(shades + rest // 255, 255) if associated else (shades * alpha + rest + 127) // 255


def _color_scale(file: BinaryIO, directory: Directory, layout: Layout) -> Scale:
    if layout.photometric == PALETTE:
        table = _palette(directory, layout.bits)
        return lambda indexes: table[indexes[..., 0]]
    if layout.photometric in (CIELAB, ICCLAB):
        return lambda samples: _lab(samples, layout)
    if layout.kind == "u" and layout.bits <= 16:
        return _linear(layout, 0, 2**layout.bits - 1)
    return _linear(layout, *_range(file, layout))


def _alpha_scale(layout: Layout) -> Scale:
    full = {"u": 2**layout.bits - 1, "i": 2 ** (layout.bits - 1) - 1, "f": 1}[layout.kind]
    return _linear(layout, 0, full)


def _linear(layout: Layout, low: float, high: float) -> Scale:
    """Return the function that makes 0 of `low` and 255 of `high`, by a table where there are few values."""
    factor = 255 / ((high - low) or 1)
    if layout.kind == "u" and layout.bits <= 16:
        table = np.round(np.arange(2**layout.bits) * factor).clip(0, 255).astype(np.uint8)
        return lambda values: table[values]
    return lambda values: np.round((_finite(values) - low) * factor).clip(0, 255).astype(np.uint8)


def _range(file: BinaryIO, layout: Layout) -> tuple[float, float]:
    """Return the values that become black and white: the samples' own, or the whole range that they fit into.

    As `colors` does it: floats within 0..1 or 0..255 fill that, and integers within 0..65535 that; 24-bit and
    positive 8- and 16-bit integers fill what their bits can hold.
    """
    low, high = np.inf, -np.inf
    for _, _, samples in read_samples(file, layout):
        values = _finite(samples[..., : COLORS[layout.photometric]])
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if layout.kind == "f":
        whole = 1 if high <= 1 else 255
    elif layout.bits <= 24:
        whole = 2 ** (layout.bits - (layout.kind == "i")) - 1
    else:
        whole = 65535
    return (0, whole) if low >= 0 and high <= whole else (low, high)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values.astype(np.float64), nan=0, posinf=0, neginf=0)


def _palette(directory: Directory, bits: int) -> np.ndarray:
    """Return the colour map as uint8 [colours, 3]; some writers fill it with 8-bit values, as libtiff allows."""
    values = directory.get_array(COLOR_MAP, 3 << bits)
    if len(values) < 3 << bits:
        raise DamagedTiff(f"its colour map ends after {len(values) // 3:,} colours")
    return (values if values.max() < 256 else values // 256).astype(np.uint8).reshape(3, -1).T


def _lab(samples: np.ndarray, layout: Layout) -> np.ndarray:
    """Return L as 0..255 and a and b as -128..127 (TIFF 6.0, section 23; ICC.1:2022, annex 6 for ICCLAB)."""
    size = layout.bits // 8
    lightness, chroma = samples[..., :1].view(f"u{size}"), samples[..., 1:]
    if layout.photometric == ICCLAB:
        lightness = lightness / (1 if size == 1 else 65280 / 255)
        chroma = chroma.view(f"u{size}") / 256 ** (size - 1) - 128
    else:
        lightness = lightness / (1 if size == 1 else 257)
        chroma = chroma.view(f"i{size}") / 256 ** (size - 1)
    return np.round(np.concatenate([lightness.clip(0, 255), chroma.clip(-128, 127)], axis=-1)).astype(np.int32)
