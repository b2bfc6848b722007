"""Small videos for the tests: `make_clip` encodes them, `turn` and `claim` change what an MP4 says of itself."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # of ISO/IEC 14496-12, clockwise
NOISE = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)  # frames that take many bytes
SECONDS = [number / 10 for number in range(30)]  # of a clip of three seconds with ten frames a second


def make_clip(path, times=SECONDS, shade=lambda number: 8 * number, size=(64, 48), codec="libx264", **options):
    """Write a video whose frames are of one shade, but for a white quarter at the upper left, and return its path."""
    with av.open(str(path), "w", options=options.pop("container", {})) as file:
        stream = file.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, options.pop("pixels", "yuv420p")
        stream.codec_context.time_base = Fraction(1, options.pop("clock", 90_000))
        if stretched := options.pop("stretched", None):
            stream.codec_context.sample_aspect_ratio = stretched
        sound = file.add_stream("aac", rate=48_000, layout="mono") if options.pop("sound", False) else None
        for number, seconds in enumerate(times):
            pixels = np.full((size[1], size[0], 3), shade(number), np.uint8)
            pixels[: size[1] // 2, : size[0] // 2] = 255
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts = round(seconds / stream.codec_context.time_base)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if sound:
            write_sound(file, sound, times[-1])
    return path


def write_sound(file, stream, seconds):
    """Write silence."""
    for number in range(int(seconds * 48_000 / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, number * 1024
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def make_sound_only(path):
    """Write two seconds of silence, without a video."""
    with av.open(str(path), "w") as file:
        write_sound(file, file.add_stream("aac", rate=48_000, layout="mono"), 2)
    return path


def turn(path: Path, degrees: int) -> None:
    """Have players turn an MP4, as phones do."""
    a, b, c, d = MATRICES[degrees]
    data = bytearray(path.read_bytes())
    start = data.find(b"tkhd") + 44
    data[start : start + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def claim(path: Path, box: bytes, frames: int) -> None:
    """Have a box of an MP4's index claim that there are so many frames: stts, of times, or stsz, of sizes."""
    data = bytearray(path.read_bytes())
    start = data.find(box) + 12
    data[start : start + 4] = struct.pack(">I", frames)
    path.write_bytes(data)
