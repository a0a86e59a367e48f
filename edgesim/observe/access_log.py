"""The access log in CloudFront's standard format (spec §12.1): two header lines, then 33 fields a row, tab-separated.

Rows wait in memory and are appended at least once a second. A file that cannot be written never stops the edges: the
rows are lost, ``lost`` counts them and ``warning`` says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from edgesim.core.messages import Headers
from edgesim.core.reasons import Rejection
from edgesim.core.verdict import Verdict
from edgesim.observe.iso import iso
from edgesim.observe.records import Burst, Hit

INTERVAL = 1.0
"""Seconds between two writes."""

MOST_WAITING = 20_000
"""Rows that may wait; what is more than that is written at once, which costs a busy edge a few milliseconds each time
and not a quarter of a second now and then."""

LONGEST_REMEMBERED = 256
"""Characters of a value whose encoded form is remembered; longer ones would let a stranger fill the memory."""

PIECE = 500
"""Rows made and written between two turns of the loop."""

FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
    "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end"
)
HEAD = f"#Version: 1.0\n#Fields: {FIELDS}\n"

UNLOGGED = frozenset({Rejection.URL_TOO_LONG, Rejection.HEAD_TOO_BIG, Rejection.FORWARDED_TO_EDGE})
"""414 and 494 are missing from CloudFront's logs (spec §12.1); the front door's own redirect reached no edge."""

_ENCODED = re.compile(r"""[^!$&()*+,\-./0-9:;=?@A-Z_a-z]""")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/", re.ASCII)


def encoded(value: str | None) -> str:
    """A value as the log has it: ``-`` when empty, and %XX for what RFC 1738 calls unsafe."""
    if not value:
        return "-"
    return _encoded(value) if len(value) <= LONGEST_REMEMBERED else _ENCODED.sub(_escape, value)


@lru_cache(maxsize=4096)
def _encoded(value: str) -> str:
    return _ENCODED.sub(_escape, value)


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


def row(verdict: Verdict) -> str:
    """One line of the log, with its end."""
    request, visitor, headers = verdict.request, verdict.visitor, verdict.request.headers
    interval = _CONTENT_RANGE.match(verdict.content_range)
    protocol, cipher = verdict.tls
    fields = (
        _stamp(round(verdict.at * 1000) // 1000),
        verdict.node or "-",
        str(verdict.bytes_out),
        visitor.address or "-",
        encoded(request.method),
        verdict.domain or "-",
        encoded(request.path),
        f"{verdict.status:03d}",
        encoded(headers.get("Referer")),
        encoded(headers.get("User-Agent")),
        encoded(request.query),
        cookies(headers) if verdict.cookies_logged else "-",
        verdict.result_type,
        verdict.id,
        encoded(headers.get("Host")),
        request.scheme,
        str(verdict.bytes_in),
        f"{verdict.total_ms / 1000:.3f}",
        encoded(", ".join(headers.getall("X-Forwarded-For", ()))),
        protocol or "-",
        cipher or "-",
        verdict.outcome.value,
        f"HTTP/{request.version[0]}.{request.version[1]}",
        "-",
        "-",
        str(visitor.port) if visitor.port else "-",
        f"{verdict.first_byte_ms / 1000:.3f}",
        verdict.detailed_type,
        encoded(verdict.content_type),
        "-" if verdict.content_length is None or not verdict.content_type else str(verdict.content_length),
        interval[1] if interval else "-",
        interval[2] if interval else "-",
    )
    return "\t".join(fields) + "\n"


def cookies(headers: Headers) -> str:
    """All of a viewer's cookies, as they came; they are logged only where a distribution asks for it."""
    return encoded("; ".join(headers.getall("Cookie", ())))


@lru_cache(maxsize=16)
def _stamp(second: int) -> str:
    """Date and time, a tab between them."""
    return iso(second)[:19].replace("T", "\t")


def constant_pieces(template: Verdict) -> tuple[str, ...]:
    """What the rows of all plain hits on one object have in common, in the order :func:`hit_row` wants it."""
    request = template.request
    length = "-" if template.content_length is None or not template.content_type else str(template.content_length)
    protocol, cipher = template.tls
    return (
        template.node,
        "\t".join((encoded(request.method), template.domain, encoded(request.path), f"{template.status:03d}")),
        encoded(request.query),
        template.result_type,
        request.scheme,
        "\t".join((protocol or "-", cipher or "-", template.outcome.value, "HTTP/1.1", "-", "-")),
        "\t".join((template.detailed_type, encoded(template.content_type), length, "-", "-")),
        template.visitor.address or "-",
    )


def block_pieces(headers: Headers, *, cookies_logged: bool) -> tuple[str, ...]:
    """What the rows of all requests with one block of header lines have in common."""
    return (
        f"{encoded(headers.get('Referer'))}\t{encoded(headers.get('User-Agent'))}",
        cookies(headers) if cookies_logged else "-",
        encoded(headers.get("Host")),
        encoded(", ".join(headers.getall("X-Forwarded-For", ()))),
    )


def hit_row(hit: Hit, stamp: str) -> str:
    """The row of a plain hit; ``stamp`` is its date and time, a tab between them."""
    pop, what, query, result, scheme, connection, content, address, viewer, cookie, host, forwarded = hit.row
    taken = f"{hit.ms / 1000:.3f}"
    return (
        f"{stamp}\t{pop}\t{hit.bytes_out}\t{address}\t{what}\t{viewer}\t{query}\t{cookie}\t{result}\t"
        f"{hit.id}\t{host}\t{scheme}\t{hit.bytes_in}\t{taken}\t{forwarded}\t{connection}\t{hit.port}\t{taken}\t{content}\n"
    )


def _rows(waiting: Sequence[Verdict | Hit]) -> Iterator[str]:
    second, stamp = -1, ""
    for one in waiting:
        if isinstance(one, Verdict):
            yield row(one)
            continue
        if int(one.at) != second:
            second = int(one.at)
            stamp = iso(one.at)[:19].replace("T", "\t")
        yield hit_row(one, stamp)


class AccessLog:
    """Appends to one file; ``to`` may change it. :meth:`listen` is a listener of ``Records``."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.written = 0
        self.lost = 0
        self.warning = ""
        self._waiting: list[Verdict | Hit] = []

    def to(self, path: Path | None) -> None:
        """Log to another file from now on, or to none."""
        if path != self.path:
            self.flush()
            self.path, self.warning = path, ""

    def listen(self, verdict: Verdict) -> None:
        """Keep a verdict for the next write."""
        if self.path is None or verdict.background or not verdict.logged or verdict.rejection in UNLOGGED:
            return
        self._waiting.append(verdict)
        self._keep_up()

    def burst(self, burst: Burst) -> None:
        """Keep hits of the fast path for the next write."""
        if self.path is None:
            return
        if all(group.template.logged for group in burst.groups):
            self._waiting.extend(burst.hits)
        else:
            self._waiting.extend(hit for hit in burst.hits if hit.template.logged)
        self._keep_up()

    def _keep_up(self) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._write(len(self._waiting) - MOST_WAITING + PIECE)

    async def run(self) -> None:
        """Write once a second until cancelled, in pieces: viewers do not wait for the log."""
        while True:
            await asyncio.sleep(INTERVAL)
            while self._waiting:
                self._write(PIECE)
                await asyncio.sleep(0)

    def close(self) -> None:
        """Write what is left."""
        self.flush()

    def flush(self) -> None:
        """Append all waiting rows."""
        self._write(len(self._waiting))

    def _write(self, most: int) -> None:
        """Append some; the file is opened anew each time, so that it may be moved away meanwhile."""
        waiting, self._waiting = self._waiting[:most], self._waiting[most:]
        if not waiting or self.path is None:
            return
        try:
            self._append(self.path, "".join(_rows(waiting)))
        except OSError as error:
            self.lost += len(waiting)
            self.warning = f"the access log {self.path} cannot be written: {error.strerror}; {self.lost} rows are lost"
        else:
            self.written += len(waiting)

    @staticmethod
    def _append(path: Path, text: str) -> None:
        """All of it or nothing: a part that a full disk took is cut off again. Other processes may append as well."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o644)
        try:
            with contextlib.suppress(OSError):  # what cannot be locked, no other process shares
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = os.fstat(descriptor).st_size
            data = (HEAD + text if not before else text).encode("utf-8")
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
