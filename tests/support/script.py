"""An origin that answers as it is told, whichever way the request reaches it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from edgesim.core.dates import format_date
from edgesim.core.ranges import parse_range, resolve
from edgesim.core.validation import parse_etags, weak_match

_MOMENT = re.compile(r"\{now(?P<shift>[+-]\d+)?\}")


def at_moment(value: str, now: float) -> str:
    """``{now+60}`` in a header's value as an HTTP date."""
    return _MOMENT.sub(lambda found: format_date(int(now + int(found["shift"] or 0))), value)


@dataclass(frozen=True)
class Arrived:
    """A request as the origin saw it."""

    origin: str
    method: str
    target: str
    headers: CIMultiDict[str]


@dataclass(frozen=True)
class Reply:
    """What it says: with ``fail`` nothing (``refused``, ``timeout`` ...) or not all of it (``truncated``)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    chunked: bool = False
    fail: str = ""


@dataclass
class Script:
    """The orders in force, by origin name, and all that has arrived.

    ``body`` or ``size`` set the content; ``Date`` is added unless given as null; an ETag is answered with 304 where the
    request has it; single ranges are answered with 206 where ``ranges`` is set; ``chunked`` hides the length.
    """

    orders: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    default: Mapping[str, Any] = field(default_factory=dict)

    def order(self, origin: str, orders: Mapping[str, Any]) -> None:
        """From now on answer like this."""
        self.orders[origin] = orders

    def answer(self, arrived: Arrived, now: float) -> Reply:
        """The answer to a request."""
        self.arrived.append(arrived)
        orders = self.orders.get(arrived.origin, self.default)
        body = orders["body"].encode() if "body" in orders else bytes(orders.get("size", 3)).replace(b"\0", b"x")
        status = orders.get("status", 200)
        headers = [(name, at_moment(str(one), now)) for name, value in _pairs(orders) for one in _each(value)]
        fields = CIMultiDict(headers)
        if "Date" not in orders.get("headers", {}):
            headers.insert(0, ("Date", format_date(int(now))))
        tag, asked = fields.get("ETag"), arrived.headers.get("If-None-Match")
        if tag is not None and asked is not None and any(weak_match(tag, one) for one in parse_etags(asked)):
            return Reply(304, headers, b"")
        since = arrived.headers.get("If-Modified-Since")
        if asked is None and since is not None and since == fields.get("Last-Modified"):
            return Reply(304, headers, b"")
        if orders.get("ranges") and "Range" in arrived.headers and _holds(arrived, fields):
            part = _part(arrived.headers["Range"], body)
            if part is not None:
                status, body = 206, part[1]
                headers.append(("Content-Range", part[0]))
        if not orders.get("chunked") and status not in (204, 304):
            headers.append(("Content-Length", str(len(body))))
        return Reply(status, headers, body, bool(orders.get("chunked")), orders.get("fail", ""))


def _pairs(orders: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in orders.get("headers", {}).items() if value is not None]


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(arrived: Arrived, fields: CIMultiDict[str]) -> bool:
    held = arrived.headers.get("If-Range")
    return held is None or held in (fields.get("ETag"), fields.get("Last-Modified"))


def _part(value: str, body: bytes) -> tuple[str, bytes] | None:
    asked = parse_range(value)
    interval = resolve(asked[0], len(body)) if asked is not None and len(asked) == 1 else None
    if interval is None:
        return None
    return f"bytes {interval[0]}-{interval[1]}/{len(body)}", body[interval[0] : interval[1] + 1]
