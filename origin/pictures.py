"""The pictures of the media library: the same bytes on every node and every run, and real ones."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable

from origin import jpeg

Colour = tuple[int, int, int]
WEAVES = 61  # a prime, so that the texture does not line up with the rows

SKY, SUN, SEA, HULL, SAIL, QUAY = (
    (168, 205, 232),
    (255, 214, 120),
    (38, 92, 122),
    (122, 38, 30),
    (245, 240, 228),
    (70, 66, 62),
)


def harbour(x: int, y: int) -> Colour:
    """The scene at a point; both coordinates run from 0 to 999."""
    if (x - 740) ** 2 + ((y - 230) * 2 // 3) ** 2 < 4_900:
        return SUN
    if y > 880 - (x // 9 if x < 450 else 50):
        return QUAY
    if 640 < y < 720 and 380 + (y - 640) // 2 < x < 640 - (y - 640) // 2:
        return HULL
    if 300 < y < 635 and 505 - (y - 300) * 2 // 5 < x < 500:
        return SAIL
    if 360 < y < 635 and 510 < x < 510 + (y - 360) // 3:
        return SAIL
    if y < 560:
        red, green, blue = SKY
        return red + y // 12, green + y // 30, blue - y // 16
    red, green, blue = SEA
    shade = (y - 560) // 14
    return red - shade // 2 + (30 if 700 < x < 780 else 0), green - shade, blue - shade


def quay(x: int, y: int) -> Colour:
    """A wall of stones under a grey sky."""
    if y < 350:
        return 180 - y // 10, 186 - y // 10, 192 - y // 12
    course = (y - 350) // 65
    if (y - 350) % 65 < 10 or (x + course % 2 * 60) % 120 < 9:
        return 58, 56, 54
    stone = (x + course % 2 * 60) // 120 * 7 + course * 13
    return 110 + stone * 11 % 40, 104 + stone * 7 % 36, 96 + stone * 5 % 30


def lighthouse(x: int, y: int) -> Colour:
    """A striped tower at night."""
    if 180 < y < 240 and abs(x - 500) < 50:
        return 255, 236, 150
    if 240 <= y < 850 and abs(x - 500) < 50 + (y - 240) // 12:
        return (196, 44, 40) if (y - 240) // 100 % 2 else (240, 238, 230)
    if y >= 850:
        return 40, 44, 48
    return 20 + y // 40, 28 + y // 30, 60 + y // 12


def jpg(scene: Callable[[int, int], Colour], width: int, height: int) -> bytes:
    """``scene`` as a JPEG of this size."""
    weaves = [_weave(number) for number in range(WEAVES)]

    def block_at(column: int, row: int) -> jpeg.Block:
        x = min(999, (column * 8 + 4) * 1000 // width)
        y = min(999, (row * 8 + 4) * 1000 // height)
        red, green, blue = scene(x, y)
        luma = (299 * red + 587 * green + 114 * blue) // 1000
        cb, cr = (blue - luma) * 564 // 1000, (red - luma) * 713 // 1000
        return luma - 128, _level(cb), _level(cr), weaves[(column * 17 + row * 29 + column * row) % WEAVES]

    return jpeg.encode(width, height, block_at)


def _level(value: int) -> int:
    return max(-128, min(127, value))


def _weave(number: int) -> tuple[int, ...]:
    """A faint texture: thirteen low frequencies out of a small generator of numbers (Park and Miller's)."""
    state, values = number + 1, []
    for _ in range(13):
        state = state * 48_271 % 2_147_483_647
        values.append((1, -1, 2, -2)[state >> 8 & 3])
    return tuple(values)


def png(scene: Callable[[int, int], Colour], width: int, height: int) -> bytes:
    """``scene`` as an RGB PNG of this size."""
    rows = bytearray()
    for row in range(height):
        rows.append(0)
        for column in range(width):
            rows += bytes(scene(column * 1000 // width, row * 1000 // height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ico() -> bytes:
    """The favicon: an ICO that holds one PNG of 32 by 32 pixels."""
    image = png(lighthouse, 32, 32)
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 32, 32, 0, 0, 1, 24, len(image), 22) + image


CHART_SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 160" role="img" aria-label="Tide over one day">
  <rect width="320" height="160" fill="#eef5f9"/>
  <path d="M0 80 C 40 10, 80 10, 107 80 S 173 150, 213 80 S 280 10, 320 80" fill="none" stroke="#265c7a" \
stroke-width="4"/>
  <line x1="0" y1="80" x2="320" y2="80" stroke="#9bb" stroke-dasharray="4 4"/>
  <text x="8" y="150" font-family="sans-serif" font-size="12" fill="#345">00:00</text>
  <text x="280" y="150" font-family="sans-serif" font-size="12" fill="#345">24:00</text>
</svg>
"""


@functools.cache
def media_library() -> dict[str, tuple[str, bytes]]:
    """File name to media type and bytes, for everything in ``/wp-content/uploads/``."""
    return {
        "harbour.jpg": ("image/jpeg", jpg(harbour, 1200, 800)),
        "harbour-1024x683.jpg": ("image/jpeg", jpg(harbour, 1024, 683)),
        "harbour-300x200.jpg": ("image/jpeg", jpg(harbour, 300, 200)),
        "harbour-150x150.jpg": ("image/jpeg", jpg(harbour, 150, 150)),
        "quay.jpg": ("image/jpeg", jpg(quay, 800, 533)),
        "quay-300x200.jpg": ("image/jpeg", jpg(quay, 300, 200)),
        "lighthouse.png": ("image/png", png(lighthouse, 240, 160)),
        "lighthouse-150x150.png": ("image/png", png(lighthouse, 150, 150)),
        "tide.svg": ("image/svg+xml", CHART_SVG),
    }
