"""What goes through the pipes between this process and one that decodes: a header as JSON, and raw bytes."""

import json
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")  # of the header and of the bytes, as unsigned 32-bit numbers
PART = 2**20  # bytes that are written at once


def send(pipe: BinaryIO, header: dict[str, Any], data: bytes = b"") -> None:
    """Write one message; raises OSError when nobody reads any more."""
    send_parts(pipe, header, len(data), (data[start : start + PART] for start in range(0, len(data), PART)))


def send_parts(pipe: BinaryIO, header: dict[str, Any], length: int, parts: Iterable[bytes]) -> None:
    """Write one message whose bytes, so many in all, are made while they are written."""
    text = json.dumps(header).encode()
    pipe.write(LENGTHS.pack(len(text), length) + text)
    for part in parts:
        pipe.write(part)
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
