"""``/lab``: any answer to order, said in the query.

The parameters are the table :data:`PARAMETERS`; what is not in it is ignored, so that a test may add its own to make
a new address. A value that cannot be read gets a 400 that says why.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

from origin.document import Document, Fields, Octets, Pattern, http_date, parse_http_date

LONGEST_WAIT = 120.0
LARGEST = 1 << 40
DEFAULT_SIZE = 64
FRAMING = frozenset({"content-length", "transfer-encoding"})

PARAMETERS = {
    "status": "status code, 200 to 599 (default 200)",
    "size": f"bytes of body, a fixed pattern (default {DEFAULT_SIZE})",
    "body": "text of the body, instead of the pattern",
    "counter": "1: the body begins with a line holding the next number of this process",
    "type": "Content-Type (default text/plain; charset=UTF-8)",
    "delay": "seconds before the head is sent, at most 120",
    "pause": "seconds between the first half of the body and the second, at most 120",
    "cache-control": "Cache-Control",
    "vary": "Vary",
    "expires": "Expires: whole seconds from now (may be negative), or the text itself",
    "etag": "ETag; quotes are added unless it has them; If-Match, If-None-Match and If-Range are honoured",
    "last-modified": "Last-Modified: an HTTP date, or whole seconds ago; conditions are honoured",
    "set-cookie": "Set-Cookie; repeatable",
    "header": "Name:value, added as it is, but for Content-Length and Transfer-Encoding; repeatable",
    "ranges": "1 or 0: answer Range (default 1, for a 200 that is not chunked)",
    "chunked": "1: send it chunked, without Content-Length",
    "interim": "100, 102 or 103: send that interim response first; repeatable",
    "break": "close the connection after that many bytes of body",
    "reset": "1: reset the connection before any answer; with break, reset it there instead of closing it",
    "short": "announce that many bytes fewer than are sent, then close",
    "long": "announce that many bytes more than are sent, then close",
    "garbage": "1: send bytes that are not HTTP, then close",
    "hang": "1: send the head, then nothing for 120 s; head: send nothing at all for 120 s; then close",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """How the answer goes wrong, or is slow; times in seconds, sizes in bytes."""

    delay: float = 0.0
    pause: float = 0.0
    interim: tuple[int, ...] = ()
    chunked: bool = False
    break_at: int | None = None
    reset: bool = False
    misstated: int = 0
    garbage: bool = False
    hang: str = ""


class Order:
    """The query of one ``/lab`` request. Reading a value raises ValueError with a sentence for the client."""

    def __init__(self, query: str) -> None:
        self._pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def text(self, name: str) -> str | None:
        values = self.all(name)
        return values[-1] if values else None

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value not in {"0", "1"}:
            raise ValueError(f"{name} must be 0 or 1, not {value!r}")
        return value == "1"

    def whole(self, name: str, low: int, high: int) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    def seconds(self, name: str) -> float:
        try:
            value = float(self.text(name) or 0)
        except ValueError:
            value = -1.0
        if not 0 <= value <= LONGEST_WAIT:
            raise ValueError(f"{name} must be from 0 to {LONGEST_WAIT:g} seconds, not {self.text(name)!r}")
        return value


class Lab:
    """Answers to order; the only state is the counter."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def answer(self, query: str) -> tuple[Document, Faults]:
        """What to send and how; raises ValueError when the order cannot be read."""
        order = Order(query)
        faults = _faults(order)
        status = order.whole("status", 200, 599) or 200
        body = self._body(order)
        if status in {204, 205, 304}:
            body = Octets(b"")
        etag = order.text("etag")
        if etag is not None and not etag.endswith('"'):
            etag = f'"{etag}"'
        ranges = order.flag("ranges", default=True) and status == 200 and not faults.chunked and not faults.misstated
        return Document(body, _fields(order), status, etag, _last_modified(order), ranges), faults

    def _body(self, order: Order) -> Octets | Pattern:
        text, size = order.text("body"), order.whole("size", 0, LARGEST)
        if order.flag("counter"):
            return Octets(f"{next(self._numbers)}\n".encode() + (text or "").encode("latin-1"))
        if text is not None:
            return Octets(text.encode("latin-1"))
        return Pattern(DEFAULT_SIZE if size is None else size)


def _faults(order: Order) -> Faults:
    hang = order.text("hang") or ""
    if hang not in {"", "0", "1", "head"}:
        raise ValueError(f"hang must be 1 or head, not {hang!r}")
    interim = order.all("interim")
    if not set(interim) <= {"100", "102", "103"}:
        raise ValueError("interim must be 100, 102 or 103")
    return Faults(
        delay=order.seconds("delay"),
        pause=order.seconds("pause"),
        interim=tuple(map(int, interim)),
        chunked=order.flag("chunked"),
        break_at=order.whole("break", 0, LARGEST),
        reset=order.flag("reset"),
        misstated=(order.whole("long", 0, LARGEST) or 0) - (order.whole("short", 0, LARGEST) or 0),
        garbage=order.flag("garbage"),
        hang="" if hang == "0" else hang,
    )


def _fields(order: Order) -> Fields:
    fields: list[tuple[str, str]] = []
    for name, given in (("cache-control", "Cache-Control"), ("vary", "Vary")):
        fields += [(given, value) for value in order.all(name)[-1:]]
    if (expires := order.text("expires")) is not None:
        seconds = _signed(expires)
        fields.append(("Expires", expires if seconds is None else http_date(time.time() + seconds)))
    fields += [("Set-Cookie", value) for value in order.all("set-cookie")]
    for line in order.all("header"):
        name, colon, value = line.partition(":")
        if not colon or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"header must be Name:value, not {line!r}")
        if name.lower() in FRAMING:
            raise ValueError(f"{name} frames the message: order it by chunked, short or long")
        fields.append((name, value.strip()))
    if order.text("type") is not None or all(name.lower() != "content-type" for name, _ in fields):
        fields.insert(0, ("Content-Type", order.text("type") or "text/plain; charset=UTF-8"))
    for name, value in fields:
        if any(character in value for character in "\r\n\0"):
            raise ValueError(f"{name} holds a line break")
    return tuple(fields)


def _last_modified(order: Order) -> int | None:
    text = order.text("last-modified")
    if text is None:
        return None
    seconds = _signed(text)
    date = parse_http_date(text) if seconds is None else int(time.time()) - seconds
    if date is None:
        raise ValueError(f"last-modified must be an HTTP date or whole seconds ago, not {text!r}")
    return date


def _signed(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 12 else None
