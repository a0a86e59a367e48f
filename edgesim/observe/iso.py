"""Simulated seconds in words: ISO 8601 in UTC, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LATEST = (datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()
"""Where simulated time has to end: certificates and dates know no year after 9999."""


def iso(seconds: float) -> str:
    """``2026-03-01T12:00:00.250Z``; milliseconds only when there are some. Clamped to 1970 to 9000."""
    moment = _EPOCH + timedelta(milliseconds=round(min(max(seconds, 0.0), LATEST) * 1000))
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def month(seconds: float) -> str:
    """``2026-03``."""
    return iso(seconds)[:7]


def from_iso(text: str) -> float:
    """Seconds since the epoch; raises ValueError for anything but a date with its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return (moment - _EPOCH).total_seconds()
