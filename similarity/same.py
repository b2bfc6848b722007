"""Whether two small copies show the same picture: laid over each other, what is left that differs?

One is moved and scaled until it fits the other (Lucas and Kanade 1981, with a scale and a shift for each axis), since
a border may be cut off. Its brightness is mapped to the other's as histogram matching does, since it may be brighter.
What differs then counts only beyond a part of the local contrast, which resizing and compressing change; and the part
of the picture where most differs decides, so that frames of a series are told apart by what has moved in them. Pages of
text and icons differ by less than that: the finest detail and the colours of each part are compared as well.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial, reduce

import numpy as np

from settings import WORKERS
from similarity.small import COLOR_SIDE, SIDE, brightness, color

PAIRS_AT_ONCE = 128
STIFFNESS = 1.0  # grey levels squared a pixel, which keep flat pictures where they are
PART = 6  # pixels; the side of the parts of which the worst decides
TOLERANCE, MOVED_TOLERANCE = 0.2, 0.3  # of the local contrast; a picture that is moved by parts of pixels is blurred
STILL = 0.44  # pixels of SIDE that a picture may move by to count as where it was; without a border of 1 %, it is 0.5
FINE_NOISE = 1.0  # grey levels squared of the fine detail, which compressing changes where there is none


@dataclass(frozen=True)
class Reach:
    """How far one picture may have to be moved and scaled to fit the other."""

    farthest: float  # how far a scale may be from 1, and a shift in half sides from 0
    steps: tuple[tuple[int, int], ...]  # of fitting: how many pixels become one, and how often


NARROW = Reach(0.08, ((2, 4), (1, 1)))  # a border of up to 4 % is cut off on each side
WIDE = Reach(0.35, ((4, 4), (2, 4), (1, 2)))  # up to 13 %
ROUGH_PIXELS = 4  # that become one in
ROUGH = Reach(0.35, ((1, 4),))


@dataclass(frozen=True)
class Likeness:
    """How alike the pictures of P pairs are; all float32 [P]."""

    difference: np.ndarray  # grey levels, root mean square in the part where most differs, beyond what is tolerated
    correlation: np.ndarray  # of the brightness, at most 1
    detail: np.ndarray  # grey levels, root mean square of the local contrast of the one that has less
    fine: np.ndarray  # correlation of the finest detail that small copies have, at most 1: text, and not its page
    spread: np.ndarray  # grey levels, standard deviation of the brightness of the flatter one
    contrast: np.ndarray  # that, as a part of the spread of the other one
    moved: np.ndarray  # pixels of SIDE, at the borders, that the second was moved by
    color: np.ndarray  # root mean square of what Cb and Cr differ by
    stain: np.ndarray  # what they differ by in that one of 8 x 8 parts where they differ most
    saturation: np.ndarray  # root mean square of Cb and Cr themselves, in the less colourful one


def compare(first: np.ndarray, second: np.ndarray, reach: Reach = NARROW, workers: int = WORKERS) -> Likeness:
    """Compare pairs of small copies, uint8 [P, SMALL] each; the second of each is laid over the first."""
    return Likeness(*_in_blocks(partial(_compare, reach=reach), first, second, workers, len(fields(Likeness))))


def may_overlap(first: np.ndarray, second: np.ndarray, workers: int = WORKERS) -> np.ndarray:
    """Return the correlation of small copies, uint8 [P, SMALL], that are laid over each other roughly: float32 [P]."""
    return _in_blocks(_overlap, first, second, workers, 1)[0]


def _in_blocks(
    work: Callable[[np.ndarray, np.ndarray], np.ndarray], first: np.ndarray, second: np.ndarray, workers: int, rows: int
) -> np.ndarray:
    """Return what `work` makes of all pairs, [rows, P], on several threads."""
    blocks = [slice(start, start + PAIRS_AT_ONCE) for start in range(0, len(first), PAIRS_AT_ONCE)]
    with ThreadPoolExecutor(workers) as threads:
        parts = list(threads.map(lambda block: work(first[block], second[block]), blocks))
    return np.concatenate([np.empty((rows, 0), np.float32), *parts], axis=1)


def _overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    still, moved = (_shrunk(brightness(small), ROUGH_PIXELS) for small in (first, second))
    fit = _fit(still, moved, ROUGH)
    return _correlation(still, _warped(moved, fit), _inside(fit, still.shape[1]))[None]


def _compare(first: np.ndarray, second: np.ndarray, reach: Reach) -> np.ndarray:
    """Return the rows of a Likeness, float32 [rows, P]."""
    still, moved = brightness(first), brightness(second)
    fit = _fit(still, moved, reach)
    moved, inside, distance = _warped(moved, fit), _inside(fit, SIDE), _distance(fit)
    spreads = np.stack([_spread(picture, inside) for picture in (still, moved)])
    contrasts = [_local_contrast(picture) for picture in (still, moved)]
    details = [np.sqrt(_mean(contrast**2, inside))[:, 0, 0] for contrast in contrasts]
    is_flatter = (spreads[1] > spreads[0])[:, None, None]
    flat, rich = np.where(is_flatter, still, moved), np.where(is_flatter, moved, still)
    matched = np.where(inside > 0, _matched(flat, rich, inside), rich)
    tolerance = np.where(distance > STILL, MOVED_TOLERANCE, TOLERANCE)[:, None, None]
    left = np.abs(rich - matched) - tolerance * np.where(is_flatter, *reversed(contrasts))
    return np.stack([
        _worst_part(np.maximum(left, 0) * inside), _correlation(still, moved, inside), np.minimum(*details),
        _fine(rich, matched, inside), spreads.min(axis=0), spreads.min(axis=0) / np.maximum(spreads.max(axis=0), 1e-3),
        distance, *_colors(color(first), color(second), fit),
    ]).astype(np.float32)  # fmt: skip


def _distance(fit: np.ndarray) -> np.ndarray:
    scales, shifts = np.abs(fit[:, ::2] - 1), np.abs(fit[:, 1::2])
    return SIDE / 2 * (scales + shifts).max(axis=1)


def _colors(first: np.ndarray, second: np.ndarray, fit: np.ndarray) -> list[np.ndarray]:
    """Return how much Cb and Cr, float32 [P, 2 * COLOR_SIDE * COLOR_SIDE], differ, where they do most, and are."""
    shape = (-1, COLOR_SIDE, COLOR_SIDE)
    laid = _warped(second.reshape(shape), np.repeat(fit, 2, axis=0)).reshape(len(fit), 2, -1)
    parts = np.linalg.norm(first.reshape(laid.shape) - laid, axis=1)
    return [
        _root_mean_square(first - second),
        parts.max(axis=1),
        np.minimum(_root_mean_square(first), _root_mean_square(second)),
    ]


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=1))


def _fit(still: np.ndarray, moved: np.ndarray, reach: Reach) -> np.ndarray:
    """Return how to lay `moved` over `still`, both float32 [P, S, S]: scale x, shift x, scale y, shift y [P, 4].

    Shifts are in half sides. Gain and offset of the brightness are solved for, too, and forgotten.
    """
    fit = np.tile(np.array([1, 0, 1, 0], np.float32), (len(still), 1))
    for pixels, steps in reach.steps:
        small_still, small_moved = _shrunk(still, pixels), _shrunk(moved, pixels)
        for _ in range(steps):
            fit = _step(small_still, small_moved, fit, reach.farthest)
    return fit


def _shrunk(pictures: np.ndarray, pixels: int) -> np.ndarray:
    side = pictures.shape[1] // pixels
    return pictures.reshape(len(pictures), side, pixels, side, pixels).mean(axis=(2, 4))


def _step(still: np.ndarray, moved: np.ndarray, fit: np.ndarray, farthest: float) -> np.ndarray:
    """Take one step of Gauss and Newton."""
    count, side = still.shape[:2]
    warped, half = _warped(moved, fit), side / 2
    at = _centred(side)[1:-1] / half
    down = (warped[:, 2:, 1:-1] - warped[:, :-2, 1:-1]) * half / 2
    right = (warped[:, 1:-1, 2:] - warped[:, 1:-1, :-2]) * half / 2
    inner = warped[:, 1:-1, 1:-1]
    slopes = np.stack([right * at, right, down * at[:, None], down, inner, np.ones_like(inner)])
    slopes = slopes.reshape(6, count, -1).transpose(1, 0, 2)
    stiffness = STIFFNESS * side**2 * np.array([half**2] * 4 + [1e-3] * 2, np.float32)
    normal = slopes @ slopes.transpose(0, 2, 1) + np.diag(stiffness)
    solved = np.linalg.solve(normal, slopes @ still[:, 1:-1, 1:-1].reshape(count, -1, 1))[..., 0]
    change = np.clip(solved[:, :4] / np.maximum(solved[:, 4:5], 0.2), -1 / 16, 1 / 16)
    least, most = (np.array([1 + reach, reach] * 2, np.float32) for reach in (-farthest, farthest))
    return np.clip(fit + change, least, most)


def _warped(pictures: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return pictures [P, S, S] moved and scaled, bilinearly; what comes from outside repeats the border."""
    side = pictures.shape[1]
    return _weights(fit[:, 2:], side) @ pictures @ _weights(fit[:, :2], side).transpose(0, 2, 1)


def _weights(fit: np.ndarray, side: int) -> np.ndarray:
    """Return how much of each old pixel is in each new one along an axis, [P, new, old], for scales and shifts."""
    places = np.clip(_places(fit, side), 0, side - 1)
    return np.maximum(0, 1 - np.abs(places[..., None] - np.arange(side, dtype=np.float32)))


def _places(fit: np.ndarray, side: int) -> np.ndarray:
    return fit[:, :1] * _centred(side) + (side - 1) / 2 + fit[:, 1:] * (side / 2)


def _centred(side: int) -> np.ndarray:
    return np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)


def _inside(fit: np.ndarray, side: int) -> np.ndarray:
    """Return which pixels come from inside, without the outermost, as 0 or 1: float32 [P, S, S]."""
    across, down = (np.abs(_places(part, side) - (side - 1) / 2) <= side / 2 - 0.5 for part in (fit[:, :2], fit[:, 2:]))
    inside = down[:, :, None] & across[:, None, :]
    inside[:, [0, -1]] = inside[:, :, [0, -1]] = False
    return inside.astype(np.float32)


def _mean(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return (values * inside).sum((1, 2), keepdims=True) / np.maximum(inside.sum((1, 2), keepdims=True), 1)


def _spread(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.sqrt(_mean((picture - _mean(picture, inside)) ** 2, inside))[:, 0, 0]


def _correlation(one: np.ndarray, other: np.ndarray, inside: np.ndarray) -> np.ndarray:
    one, other = one - _mean(one, inside), other - _mean(other, inside)
    product = np.sqrt(_mean(one**2, inside) * _mean(other**2, inside))
    return (_mean(one * other, inside) / np.maximum(product, 1e-3))[:, 0, 0]


def _fine(one: np.ndarray, other: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the correlation of what pictures differ by from their 3 x 3 means, float32 [P]."""
    one, other = one - _blurred(one), other - _blurred(other)
    powers = [_mean(each, inside) + FINE_NOISE for each in (one**2, one * other, other**2)]
    return (powers[1] / np.sqrt(powers[0] * powers[2]))[:, 0, 0]


def _blurred(picture: np.ndarray) -> np.ndarray:
    return reduce(np.add, _neighbours(reduce(np.add, _neighbours(picture, 1)), 2)) / 9


def _neighbours(picture: np.ndarray, axis: int) -> list[np.ndarray]:
    """Return pictures [P, S, S] moved by -1, 0 and 1 along an axis; what comes from outside repeats the border."""
    padded = np.pad(picture, [(0, 0), *((int(each == axis),) * 2 for each in (1, 2))], "edge")
    rows = padded.swapaxes(1, axis)
    return [rows[:, start : start + SIDE].swapaxes(1, axis) for start in range(3)]


def _worst_part(left: np.ndarray) -> np.ndarray:
    """Return the root mean square of the part of [P, S, S] where it is largest, float32 [P]."""
    sums = np.pad(left**2, ((0, 0), (1, 0), (1, 0))).cumsum(1).cumsum(2)
    parts = sums[:, PART:, PART:] - sums[:, :-PART, PART:] - sums[:, PART:, :-PART] + sums[:, :-PART, :-PART]
    return np.sqrt(np.maximum(parts, 0).max((1, 2))) / PART


def _matched(picture: np.ndarray, like: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return a picture with the histogram of another one: the same order of its pixels from dark to bright."""
    count = len(picture)
    outside = np.float32(1e4) * (1 - inside).reshape(count, -1)  # sorts behind all others
    order = np.argsort(picture.reshape(count, -1) + outside, axis=1)
    matched = np.empty_like(outside)
    np.put_along_axis(matched, order, np.sort(like.reshape(count, -1) + outside, axis=1), axis=1)
    return matched.reshape(picture.shape)


def _local_contrast(picture: np.ndarray) -> np.ndarray:
    """Return for each pixel by how much its 3 x 3 neighbours differ."""
    high, low = picture, picture
    for axis in (1, 2):
        high, low = reduce(np.maximum, _neighbours(high, axis)), reduce(np.minimum, _neighbours(low, axis))
    return high - low
