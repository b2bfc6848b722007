"""Colour profiles (ICC) as other programs embed them, made here byte by byte."""

import struct

import numpy as np
from PIL import Image, ImageCms

SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))  # XYZ of R, G, B, D50
SPACES = {  # XYZ of R, G, B under D50, and gamma
    "Adobe RGB": (((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.2),
    "Display P3": (((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), 2.2),
    "ProPhoto": (((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)), 1.8),
}


def matrix_profile(primaries, gamma):
    """Make a profile of primaries and a gamma."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256))
    tags = {b"desc": b"desc" + struct.pack(">II", 0, 2) + b"x".ljust(79, b"\0"), b"wtpt": _xyz((0.9642, 1, 0.8249))}
    for name, xyz in zip("rgb", primaries, strict=True):
        tags |= {f"{name}XYZ".encode(): _xyz(xyz), f"{name}TRC".encode(): curve}
    return _profile(b"XYZ ", tags)


def table_profile():
    """Make a profile with a table, as jpegli's XYB has: the three channels are L*, a* and b*."""
    identity = np.identity(3).ravel()
    corners = bytes(255 * bit for r in (0, 1) for g in (0, 1) for b in (0, 1) for bit in (r, g, b))
    table = b"mft1\0\0\0\0\3\3\2\0" + _fixed(identity) + 3 * bytes(range(256)) + corners + 3 * bytes(range(256))
    return _profile(b"Lab ", {b"A2B0": table, b"wtpt": _xyz((0.9642, 1, 0.8249))})


def in_space(pixels, primaries, gamma):
    """Store sRGB pixels, uint8 [H, W, 3], in another space of RGB."""
    values = pixels / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    there = linear @ np.array(SRGB) @ np.linalg.inv(np.array(primaries))
    return np.round(255 * there.clip(0, 1) ** (1 / gamma)).astype(np.uint8)


def in_lab(pixels):
    """Make a Pillow image of L*, a* and b* of sRGB pixels, uint8 [H, W, 3]."""
    profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
    return ImageCms.profileToProfile(Image.fromarray(pixels), *profiles, outputMode="LAB")


def _profile(connection, tags):
    start, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x", start + len(data), 0x02400000, b"mntr", b"RGB ", connection, b"acsp")
    return (head + _fixed((0.9642, 1, 0.8249))).ljust(128, b"\0") + table + data


def _xyz(values):
    return b"XYZ \0\0\0\0" + _fixed(values)


def _fixed(values):
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
