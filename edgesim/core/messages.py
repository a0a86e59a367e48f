"""Request and response heads as values: an ordered, repeating, case-keeping multi-map of fields, and nothing else.

Bodies never pass through the core; it sees only heads and, for stored objects, sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from multidict import CIMultiDict, CIMultiDictProxy

from edgesim.core.values import record

Headers = CIMultiDict[str] | CIMultiDictProxy[str]
Field = tuple[str, str]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH"})
"""Methods whose use asks for no change at the origin (RFC 9110 §9.2.1 and the registry); any other is unsafe."""

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that end at one connection (RFC 9110 §7.6.1, RFC 9111 §3.1)."""


@record(frozen=True, slots=True)
class Request:
    """One request head. ``target`` is the raw request-target, ``version`` (major, minor), ``scheme`` http or https."""

    method: str
    target: str
    headers: Headers = field(default_factory=CIMultiDict)
    version: tuple[int, int] = (1, 1)
    scheme: str = "http"
    client: str = "127.0.0.1"
    has_body: bool = False

    @property
    def path(self) -> str:
        """The raw path, without the query string."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str | None:
        """The raw query string; ``None`` when the target has no ``?``."""
        _, mark, query = self.target.partition("?")
        return query if mark else None


@record(frozen=True, slots=True)
class Response:
    """One final response head. ``length`` is the body's size in bytes, ``None`` when only its end will tell."""

    status: int
    headers: Headers = field(default_factory=CIMultiDict)
    reason: str = ""
    length: int | None = None
    delimited: bool = True
    """False when the body ends with the connection: neither Content-Length nor chunked (RFC 9112 §6.3)."""


def fields(source: Mapping[str, str] | Iterable[Field] | None = None) -> CIMultiDict[str]:
    """A fresh multi-map of header fields."""
    return CIMultiDict(source or ())


def listed(headers: Headers, name: str) -> str | None:
    """All values of ``name`` as one comma-separated value (RFC 9110 §5.3), ``None`` when absent."""
    values = headers.getall(name, None)
    if values is None:
        return None
    return values[0] if len(values) == 1 else ", ".join(values)


def tokens(value: str | None) -> Iterator[str]:
    """The non-empty members of a comma-separated list of tokens, lower case."""
    for part in (value or "").split(","):
        if name := part.strip().lower():
            yield name


def connection_options(headers: Headers) -> frozenset[str]:
    """Lower-case names of every field that must not pass this hop: the fixed ones and those Connection lists."""
    value = listed(headers, "Connection")
    return HOP_BY_HOP if value is None else HOP_BY_HOP.union(tokens(value))


def end_to_end(headers: Headers) -> list[Field]:
    """The fields that may pass on, in order, with their case and repeats."""
    gone = connection_options(headers)
    return [(name, value) for name, value in headers.items() if name.lower() not in gone]


def without_port(host: str) -> str:
    """A Host header's name; the brackets of an IPv6 address stay."""
    name, colon, port = host.rpartition(":")
    return name if colon and not port.endswith("]") else host
