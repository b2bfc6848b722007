"""The small copy of a picture that an index keeps, to tell whether two pictures are the same one."""

import numpy as np
from PIL import Image

SIDE = 48  # pixels of the brightness; with 32, pages of text and frames of a cartoon look alike
COLOR_SIDE = 8  # pixels of each of the two colour channels
CELLS = 8  # a side of the pattern: so many means of the brightness
FLATTEST = 2.0  # grey levels, standard deviation of a pattern that says something
SMALL = SIDE * SIDE + 2 * COLOR_SIDE * COLOR_SIDE  # bytes


def small_copy(image: Image.Image) -> np.ndarray:
    """Return the small copy uint8 [SMALL] of a whole, upright RGB picture: 48 x 48 brightness, then 8 x 8 Cb and Cr.

    The triangular filter blurs enough for copies of other sizes to be alike, which averaging areas does not.
    """
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3).convert("YCbCr")
    color = np.asarray(small.resize((COLOR_SIDE, COLOR_SIDE), Image.Resampling.BOX))[..., 1:]
    return np.concatenate([np.asarray(small)[..., 0].ravel(), color.transpose(2, 0, 1).ravel()])


def restored(small: np.ndarray, width: int, height: int, side: int) -> Image.Image:
    """Return what a small copy uint8 [SMALL] of a picture of this size shows, blurred, at most `side` pixels long."""
    luma = Image.fromarray(small[: SIDE * SIDE].reshape(SIDE, SIDE))
    chroma = [Image.fromarray(each) for each in small[SIDE * SIDE :].reshape(2, COLOR_SIDE, COLOR_SIDE)]
    scale = min(1.0, side / max(width, height))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    bands = [band.resize(size, Image.Resampling.BICUBIC) for band in (luma, *chroma)]
    return Image.merge("YCbCr", bands).convert("RGB")


def brightness(small: np.ndarray) -> np.ndarray:
    """Return the brightness float32 [N, SIDE, SIDE] of small copies uint8 [N, SMALL]."""
    return small[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(np.float32)


def color(small: np.ndarray) -> np.ndarray:
    """Return Cb and Cr around 0, float32 [N, 2 * COLOR_SIDE * COLOR_SIDE], of small copies uint8 [N, SMALL]."""
    return small[:, SIDE * SIDE :].astype(np.float32) - 128


def mirrored(small: np.ndarray) -> np.ndarray:
    """Return small copies uint8 [N, SMALL] of the pictures mirrored, left to right."""
    count, pixels = len(small), SIDE * SIDE
    luma = small[:, :pixels].reshape(count, SIDE, SIDE)[..., ::-1].reshape(count, pixels)
    chroma = small[:, pixels:].reshape(count, 2, COLOR_SIDE, COLOR_SIDE)[..., ::-1].reshape(count, SMALL - pixels)
    return np.concatenate([luma, chroma], axis=1)


def patterns(small: np.ndarray) -> np.ndarray:
    """Return the patterns of small copies, float32 [N, CELLS * CELLS] around 0, of length 1; 0 of flat pictures."""
    step = SIDE // CELLS
    cells = brightness(small).reshape(-1, CELLS, step, CELLS, step).mean(axis=(2, 4)).reshape(len(small), CELLS**2)
    cells -= cells.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(cells, axis=1, keepdims=True)
    return np.where(lengths > FLATTEST * CELLS, cells / np.maximum(lengths, 1), 0)
