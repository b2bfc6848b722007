"""From high dynamic range to what 8-bit pictures look like (ITU-R BT.2100, BT.2408)."""

import numpy as np

REFERENCE_WHITE = 203.0  # cd/m2 of paper white in HDR (BT.2408, table 1); this and all that is brighter becomes white
PEAK = 1000.0  # cd/m2 of the nominal display of HLG
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020's red, green and blue
ROWS = 64  # of the smaller picture that are computed at once


def to_sdr(values: np.ndarray, is_pq: bool, is_wide: bool, factor: int = 1) -> np.ndarray:
    """Convert uint16 RGB [H, W, 3] in PQ or HLG to uint8 sRGB, smaller by a whole factor.

    `is_wide` says that its primaries are those of BT.2020.
    """
    height, width = values.shape[0] // factor, values.shape[1] // factor
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        part = values[top * factor : (top + rows) * factor, : width * factor]
        means = part.reshape(rows, factor, width, factor, 3).mean((1, 3), dtype=np.float32) / 65535
        result[top : top + rows] = _to_srgb(pq_light(means) if is_pq else hlg_light(means), is_wide)
    return result


def pq_light(signal: np.ndarray) -> np.ndarray:
    """Return the light of a PQ signal from 0 to 1, in cd/m2 (BT.2100, table 4)."""
    power = signal ** np.float32(32 / 2523)
    return 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** np.float32(8192 / 1305)


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """Return the light of an HLG signal [..., 3] from 0 to 1 on a display of 1000 cd/m2 (BT.2100, table 5)."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    luminance = (scene @ LUMINANCE)[..., None]
    return PEAK * np.maximum(luminance, 1e-6) ** np.float32(0.2) * scene


def _to_srgb(light: np.ndarray, is_wide: bool) -> np.ndarray:
    """Return uint8 sRGB (IEC 61966-2-1) of light in cd/m2."""
    linear = np.clip((light @ TO_BT709.T if is_wide else light) / REFERENCE_WHITE, 0, 1)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)
