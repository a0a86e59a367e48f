"""Single values as text, in both directions: strings, numbers, booleans, timestamps, blobs."""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

from edgesim.observe.iso import iso

SCALARS = frozenset({"string", "character", "integer", "long", "float", "double", "boolean", "timestamp", "blob"})

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z", re.ASCII)
_BITS = {"integer": 31, "long": 63}
_KINDS = {
    "integer": "an integer",
    "long": "a long integer",
    "float": "a number",
    "double": "a number",
    "boolean": "true or false",
    "timestamp": "a timestamp",
    "blob": "base64",
}


def read(shape: Shape, text: str) -> Any:
    """The value a text stands for; raises ValueError, whose words say what the member must be."""
    kind = shape.type_name
    if kind in ("string", "character"):
        return text
    text = text.strip()
    match kind:
        case "integer" | "long":
            return whole(kind, int(text)) if _WHOLE.match(text) else _refuse(kind)
        case "float" | "double":
            return finite(float(text)) if _NUMBER.match(text) else _refuse(kind)
        case "boolean":
            return text == "true" if text in ("true", "false") else _refuse(kind)
        case "timestamp":
            return moment(text)
        case "blob":
            return blob(text)
    raise AssertionError(f"{kind} is no single value")


def _refuse(kind: str) -> Any:
    raise ValueError(f"Member must be {_KINDS[kind]}")


def whole(kind: str, value: int) -> int:
    """An integer of 32 bits or a long one of 64; raises ValueError."""
    bound = 1 << _BITS[kind]
    return value if -bound <= value < bound else int(_refuse(kind))


def finite(value: float) -> float:
    """A number that is one; raises ValueError."""
    return value if math.isfinite(value) else float(_refuse("double"))


def moment(text: str) -> float:
    """Epoch seconds of an ISO 8601 time, or of a number; raises ValueError."""
    if _NUMBER.match(text):
        return finite(float(text))
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return float(_refuse("timestamp"))


def blob(text: str) -> bytes:
    """The bytes of base64, which may be broken into lines; raises ValueError."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return bytes(_refuse("blob"))


def write(shape: Shape, value: Any) -> str:
    """The text of a value."""
    match shape.type_name:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            return timestamp(float(value))
        case "blob":
            return base64.b64encode(value).decode("ascii")
    return str(value)


def timestamp(seconds: float) -> str:
    """``2026-03-01T12:00:00.000Z``: always with milliseconds, as CloudFront writes it."""
    text = iso(seconds)
    return text if "." in text else text.replace("Z", ".000Z")
