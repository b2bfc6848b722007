"""Write TIFFs of any tags, also wrong ones, which libraries do not write."""

import struct

import numpy as np


def tiff(data, order="<", planes=1, **tags):
    """Return a TIFF of one strip for each plane, with the tags that are given by number, as `_258=(8, 8, 8)`."""
    size = len(data) // planes
    values = {int(name[1:]): value for name, value in tags.items()}
    values = {273: [0] * planes, 279: [size] * planes} | values
    start = 8 + 2 + 12 * len(values) + 4
    blob, entries = data, b""
    if values[273] == [0] * planes:
        values[273] = [start + plane * size for plane in range(planes)]
    for tag, value in sorted(values.items()):
        packed = np.atleast_1d(value).astype(f"{order}u4").tobytes()
        if len(packed) > 4:
            packed, blob = struct.pack(f"{order}I", start + len(blob)), blob + packed
        entries += struct.pack(f"{order}HHI", tag, 4, np.size(value)) + packed
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(values))
    return head + entries + bytes(4) + blob


def pack_bits(samples, bits):
    """Pack the samples of each row [rows, samples] into so many bits each, the highest first."""
    digits = samples[..., None].astype(np.uint32) >> np.arange(bits, dtype=np.uint32)[::-1] & 1
    return np.packbits(digits.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()
