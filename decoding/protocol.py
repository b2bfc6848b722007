"""What goes through the pipes between this process and one that decodes: a header as JSON, and raw bytes."""

import json
import struct
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")  # of the header and of the bytes, as unsigned 32-bit numbers
PART = 2**20  # bytes that are written at once


def send(pipe: BinaryIO, header: dict[str, Any], data: bytes | memoryview = b"") -> None:
    """Write one message; raises OSError when nobody reads any more."""
    text = json.dumps(header).encode()
    pipe.write(LENGTHS.pack(len(text), len(data)) + text)
    for start in range(0, len(data), PART):
        pipe.write(data[start : start + PART])
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Read one message; raises EOFError when the other side has ended."""
    header, data = LENGTHS.unpack(_read(pipe, LENGTHS.size))
    return json.loads(_read(pipe, header)), _read(pipe, data)


def _read(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
