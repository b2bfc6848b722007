"""What the differences between small copies mean: the same picture, one with other colours, or a part of one."""

import numpy as np

from settings import WORKERS
from similarity.same import NARROW, STILL, WIDE, Likeness, compare, may_overlap
from similarity.small import mirrored, patterns

# Copies of a photo with another JPEG quality or size differ by less than 2 grey levels, 99 % of those without a border
# of 1 % by less than 5; frames of a series and other objects on white differ by more than 13
LARGEST_DIFFERENCE = 9.0  # grey levels, of the same picture
NOISE, SHARE = 0.5, 0.2  # grey levels, and a part of the detail, that may differ where there is little, as in skies
LEAST_CORRELATION = 0.9
GREY, COLORFUL = 1.5, 4.0  # colours of a picture without any, and by how much those of the other one differ from them
OTHER_COLORS = 16.0
COLOR_NOISE, COLOR_SHARE = 1.0, 0.5  # as NOISE and SHARE: what little a sunset shows is its colours
STAIN, MOVED_STAIN = 36.0, 48.0  # colours in one part; filters change them by up to 32, and icons differ by 40 and more
# Pages of text are flat, and alike but for the finest detail, of which different ones have a correlation of up to
# 0.98; copies of flat photos keep 0.983, and 0.895 without a border of 1 %, or differ by less than a grey level.
# Where such a border is gone, the correlation of all detail is 0.96 and more, and of other tables 0.95
PAGE_SPREAD = 22.0  # grey levels of the brightness; 95 % of photos have more
PAGE, MOVED_PAGE, PAGE_DIFFERENCE, PAGE_CORRELATION = 0.983, 0.89, 1.2, 0.955
LEAST_CONTRAST = 0.6  # of one, as a part of the other's; a grey icon is not the black one
ALTERED, ALTERED_DIFFERENCE = 0.7, 40.0  # correlation of the finest detail, and grey levels: watermarks, strong filters
LEAST_PATTERN = 0.75  # correlation of patterns, below which no pixels are compared
OVERLAP = 0.85  # rough correlation, below which they are not looked at closely


def are_alike(likeness: Likeness) -> np.ndarray:
    """Return which pairs show the same, whatever their colours and their finest detail: bool [P]."""
    allowed = np.minimum(LARGEST_DIFFERENCE, NOISE + SHARE * likeness.detail)
    return (likeness.difference <= allowed) & (likeness.correlation >= LEAST_CORRELATION)


def are_same(likeness: Likeness) -> np.ndarray:
    """Return which pairs are the same picture: bool [P]."""
    least = np.where(likeness.moved > STILL, MOVED_PAGE, PAGE)
    are_pages = (likeness.spread < PAGE_SPREAD) & (likeness.difference > PAGE_DIFFERENCE)
    have_other_text = are_pages & ((likeness.fine < least) | (likeness.correlation < PAGE_CORRELATION))
    have_contrast = likeness.contrast >= LEAST_CONTRAST
    return are_alike(likeness) & ~have_other_colors(likeness) & ~have_other_text & have_contrast


def have_other_colors(likeness: Likeness) -> np.ndarray:
    """Return which pairs have other colours, as when one is grey and the other is not: bool [P]."""
    is_grey = (likeness.saturation < GREY) & (likeness.color > COLORFUL)
    allowed = np.minimum(OTHER_COLORS, COLOR_NOISE + COLOR_SHARE * likeness.detail)
    allowed_stain = np.where(likeness.moved > STILL, MOVED_STAIN, STAIN)
    return is_grey | (likeness.color > allowed) | (likeness.stain > allowed_stain)


def are_altered(likeness: Likeness) -> np.ndarray:
    """Return which pairs show nearly the same, as with a watermark or other contrasts in parts: bool [P]."""
    is_near = (likeness.correlation >= LEAST_CORRELATION) & (likeness.difference <= ALTERED_DIFFERENCE)
    return is_near & (likeness.fine >= ALTERED)


def are_worth_comparing(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which small copies, uint8 [P, SMALL] each, are roughly alike as they lie: bool [P]."""
    return np.einsum("ij,ij->i", patterns(first), patterns(second)) >= LEAST_PATTERN


def are_cropped(first: np.ndarray, second: np.ndarray, workers: int = WORKERS) -> tuple[np.ndarray, np.ndarray]:
    """Return of which pairs one is a part of the other, bool [P], and the correlation of each, float32 [P]."""
    found, correlations = np.zeros(len(first), bool), np.full(len(first), -1, np.float32)
    places = np.flatnonzero(may_overlap(first, second, workers) >= OVERLAP)
    for one, other in ((first, second), (second, first)):
        likeness = compare(one[places], other[places], WIDE, workers)
        found[places] = are_alike(likeness)
        correlations[places] = likeness.correlation
        places = places[~found[places]]
    return found, correlations


def show_the_same(first: np.ndarray, second: np.ndarray, workers: int = WORKERS) -> np.ndarray:
    """Return which pairs of small copies are of one picture, also mirrored, cropped or in other colours: bool [P]."""
    found, _ = are_cropped(first, second, workers)
    for one in (first, mirrored(first)):
        places = np.flatnonzero(are_worth_comparing(one, second) & ~found)
        found[places] = are_alike(compare(one[places], second[places], NARROW, workers))
    return found
