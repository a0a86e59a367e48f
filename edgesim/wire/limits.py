"""What a viewer gets: bytes and seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """Bytes and seconds a viewer gets. ``url_bytes`` and ``head_bytes`` are CloudFront's (guide, request limits)."""

    url_bytes: int = 8_192
    head_bytes: int = 32_768
    head_s: float = 10.0  # from a head's first byte to its last
    idle_s: float = 60.0  # between two requests
    body_s: float = 30.0  # between two pieces of a request body
    write_s: float = 60.0  # without a byte taken by a viewer that has bytes to take
    linger_s: float = 2.0  # for the last answer to be read, and for an unread body to end
    linger_bytes: int = 65_536
    connections: int = 10_000
    write_buffer: int = 512 * 1024
    body_buffer: int = 256 * 1024
    pipeline_bytes: int = 65_536  # taken from a viewer ahead of its turn
