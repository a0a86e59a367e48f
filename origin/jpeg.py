"""A tiny baseline JPEG encoder that paints straight in the frequency domain.

A picture is given block by block (8 by 8 pixels): the mean colour, and a few low frequencies of its brightness. There
is no cosine transform to compute, so a picture of a megapixel takes a fraction of a second in plain Python, and every
machine makes the same bytes. ITU-T T.81 (1992) is the source of the layout.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

# The mean of one block in Y, Cb, Cr (-128..127), and AC coefficients of Y in zigzag order (-7..7).
Block = tuple[int, int, int, Sequence[int]]

STEP = 8  # every quantiser step; a DC difference of 1 is then exactly one level of the mean
DC_SYMBOLS = bytes(range(12))
AC_SYMBOLS = bytes([0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x21, 0x22, 0x23, 0x31, 0x32, 0x33, 0xF0])
CODE_LENGTH = 4  # every Huffman code; fewer than 16 symbols, so that no code is all ones
DC_CODES = {symbol: format(code, "04b") for code, symbol in enumerate(DC_SYMBOLS)}
AC_CODES = {symbol: format(code, "04b") for code, symbol in enumerate(AC_SYMBOLS)}


def encode(width: int, height: int, block_at: Callable[[int, int], Block]) -> bytes:
    """A colour JPEG of ``width`` by ``height`` pixels; ``block_at(column, row)`` gives each block."""
    bits: list[str] = []
    before = [0, 0, 0]
    for row in range((height + 7) // 8):
        for column in range((width + 7) // 8):
            *means, texture = block_at(column, row)
            for plane, mean in enumerate(means):
                bits.append(_dc_bits(mean - before[plane]))
                bits.append(_ac_bits(texture) if plane == 0 else AC_CODES[0x00])
                before[plane] = mean
    joined = "".join(bits)
    joined += "1" * (-len(joined) % 8)
    scan = int(joined, 2).to_bytes(len(joined) // 8, "big").replace(b"\xff", b"\xff\x00")
    return _head(width, height) + scan + b"\xff\xd9"


def _head(width: int, height: int) -> bytes:
    jfif = b"JFIF\0" + struct.pack(">HBHHBB", 0x0102, 0, 1, 1, 0, 0)
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    frame = struct.pack(">BHHB", 8, height, width, 3) + components
    scan = bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])
    return b"\xff\xd8" + b"".join(
        [
            _segment(0xE0, jfif),
            _segment(0xDB, bytes([0]) + bytes([STEP]) * 64),
            _segment(0xC0, frame),
            _segment(0xC4, bytes([0x00]) + _code_counts(DC_SYMBOLS) + DC_SYMBOLS),
            _segment(0xC4, bytes([0x10]) + _code_counts(AC_SYMBOLS) + AC_SYMBOLS),
            _segment(0xDA, scan),
        ]
    )


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _code_counts(symbols: bytes) -> bytes:
    return bytes(len(symbols) if length == CODE_LENGTH else 0 for length in range(1, 17))


def _magnitude(value: int) -> str:
    """The extra bits of a coefficient (T.81 F.1.2.1): negative values as the ones' complement."""
    size = abs(value).bit_length()
    return format(value if value > 0 else value + (1 << size) - 1, f"0{size}b") if size else ""


def _dc_bits(difference: int) -> str:
    extra = _magnitude(difference)
    return DC_CODES[len(extra)] + extra


def _ac_bits(coefficients: Sequence[int]) -> str:
    bits, zeros = [], 0
    for value in coefficients:
        if value == 0:
            zeros += 1
            continue
        extra = _magnitude(value)
        bits.append(AC_CODES[zeros << 4 | len(extra)] + extra)
        zeros = 0
    return "".join(bits) + AC_CODES[0x00]
