"""Conditional and range requests: from a document and a request to the reply that is really sent.

RFC 9110 section 13.2.2 gives the order of the preconditions, section 14 the ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from origin.document import Body, Document, Fields, Octets, http_date, parse_http_date

RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A response ready to be sent: the bytes ``[start, stop)`` of the body."""

    status: int
    fields: Fields
    body: Body
    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def reply_to(method: str, headers: Mapping[str, str], document: Document) -> Reply:
    """Apply the request's preconditions, then its range, to ``document``."""
    fields = document.fields + validator_fields(document)
    if document.ranges:
        fields += (("Accept-Ranges", "bytes"),)
    if 200 <= document.status < 300:
        status = precondition_status(method, headers, document)
        if status == 304:
            kept = tuple(field for field in fields if not field[0].lower().startswith("content-"))
            return Reply(304, kept, Octets(b""), 0, 0)
        if status == 412:
            return _short_text(412, fields, b"Precondition failed\n")
    whole = Reply(document.status, fields, document.body, 0, document.body.length)
    if document.ranges and document.status == 200 and method == "GET" and _range_applies(headers, document):
        return _ranged(headers["Range"], whole)
    return whole


def validator_fields(document: Document) -> Fields:
    """ETag and Last-Modified, as far as the document has them."""
    fields: Fields = ()
    if document.etag is not None:
        fields += (("ETag", document.etag),)
    if document.last_modified is not None:
        fields += (("Last-Modified", http_date(document.last_modified)),)
    return fields


def precondition_status(method: str, headers: Mapping[str, str], document: Document) -> int:
    """200 to go on, 304 or 412: the precedence of RFC 9110 section 13.2.2."""
    if "If-Match" in headers:
        if not _listed(headers["If-Match"], document.etag, weak=False):
            return 412
    elif _modified_after(headers.get("If-Unmodified-Since"), document) is True:
        return 412
    if "If-None-Match" in headers:
        if _listed(headers["If-None-Match"], document.etag, weak=True):
            return 304 if method in READING else 412
    elif method in READING and _modified_after(headers.get("If-Modified-Since"), document) is False:
        return 304
    return 200


def _listed(field: str, etag: str | None, weak: bool) -> bool:
    if field.strip() == "*":
        return True
    if etag is None or (not weak and etag.startswith("W/")):
        return False
    listed = ENTITY_TAG.findall(field)
    if weak:
        return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in listed}
    return etag in listed


def _modified_after(field: str | None, document: Document) -> bool | None:
    """None when the field is absent or no date, or the document has no date: the condition is then ignored."""
    since = parse_http_date(field) if field is not None else None
    if since is None or document.last_modified is None:
        return None
    return document.last_modified > since


def _range_applies(headers: Mapping[str, str], document: Document) -> bool:
    """A range is served when If-Range is absent, or names this very representation (strong comparison)."""
    if "Range" not in headers:
        return False
    validator = headers.get("If-Range")
    if validator is None:
        return True
    if '"' in validator:
        return not validator.startswith("W/") and validator.strip() == document.etag
    date = parse_http_date(validator)
    return date is not None and date == document.last_modified


def _ranged(field: str, whole: Reply) -> Reply:
    """One range is served as 206 or refused as 416; several, or another unit, get the whole (RFC 9110 14.2)."""
    match = RANGE.fullmatch(field.strip())
    if match is None or match.groups() == ("", ""):
        return whole
    first, last = match.groups()
    length = whole.length
    if first == "":
        start, stop = max(0, length - int(last)), length
    else:
        start, stop = int(first), min(length, int(last) + 1) if last else length
        if last and int(last) < int(first):
            return whole
    if start >= length or stop <= start:
        return _short_text(416, (*whole.fields, ("Content-Range", f"bytes */{length}")), b"Range not satisfiable\n")
    fields = (*whole.fields, ("Content-Range", f"bytes {start}-{stop - 1}/{length}"))
    return Reply(206, fields, whole.body, start, stop)


def _short_text(status: int, fields: Fields, text: bytes) -> Reply:
    kept = tuple(field for field in fields if field[0].lower() not in {"content-type", "cache-control", "expires"})
    return Reply(status, (*kept, ("Content-Type", "text/plain; charset=UTF-8")), Octets(text), 0, len(text))
