"""Small pictures as TIFFs of every kind: as tifffile writes them, and of any tags, also wrong ones."""

import io
import struct

import numpy as np
import tifffile

from preprocess import decode_image

HEIGHT, WIDTH = 20, 26
GREY = np.add.outer(np.linspace(0, 0.45, HEIGHT), np.linspace(0, 0.55, WIDTH))  # from 0 to 1
COLOR = np.stack([GREY, GREY[::-1], 1 - GREY], axis=-1)
ALPHA = np.linspace(0, 1, WIDTH)[None, :, None].repeat(HEIGHT, 0)
INKS = np.concatenate([COLOR, 0 * ALPHA], axis=-1)
RAMP = np.stack([np.arange(256), 255 - np.arange(256), np.zeros(256)]).astype(np.uint16)  # a colour map


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


def samples_of(picture, dtype):
    """Return a picture of 0..1 as samples that fill what the type can hold."""
    kind, bits = dtype[0], int(dtype[1]) * 8
    if kind == "f":
        return picture.astype(dtype)
    whole = np.minimum(picture * 2.0**bits, np.nextafter(2.0**bits, 0)) if bits == 64 else picture * (2.0**bits - 1)
    return (np.floor(whole) - (2.0 ** (bits - 1) if kind == "i" else 0)).astype(dtype)


def written(samples, **options):
    data = io.BytesIO()
    order, separate = options.get("byteorder", "<"), options.get("planarconfig") == "separate"
    samples = np.moveaxis(samples, -1, 0) if separate else samples
    tifffile.imwrite(data, np.ascontiguousarray(samples, samples.dtype.newbyteorder(order)), **options)
    return data.getvalue()


def decoded(data):
    return np.asarray(decode_image(io.BytesIO(data), "a.tif")).astype(float)
