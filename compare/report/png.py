"""A picture of few colours as a PNG, by the standard library alone."""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

_INDEXED = 3


def encode(cells: UInt8[np.ndarray, "rows columns"], colours: Sequence[str]) -> bytes:
    """A PNG of `cells`, places in `colours` ("#rrggbb"); the first row is on top.

    A cell of the place after the last is seen through. There are at most 255 colours.
    Source: ISO/IEC 15948, eight bits of colour type 3.
    """
    height, width = cells.shape
    palette = b"".join(bytes.fromhex(colour[1:]) for colour in (*colours, "#000000"))
    unfiltered = np.zeros((height, 1), np.uint8)  # in front of every row
    lines = np.hstack([unfiltered, cells]).tobytes()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(
                b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _INDEXED, 0, 0, 0)
            ),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", b"\xff" * len(colours) + b"\x00"),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def uri(png: bytes) -> str:
    """The picture as an address that holds all of it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
