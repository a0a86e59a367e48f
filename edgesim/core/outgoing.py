"""What the viewer receives: stored or relayed headers, filtered, and the edge's own (spec §1.6, §1.7; RFC 9211)."""

from __future__ import annotations

from collections.abc import Iterable

from edgesim.core.behaviors import Behavior
from edgesim.core.delivery import NotModified, Selection, Slice, Slices, Unsatisfiable
from edgesim.core.forwarding import via, wanted_cloudfront, wants
from edgesim.core.messages import Field, Headers, end_to_end
from edgesim.core.ranges import content_range
from edgesim.core.reasons import Outcome
from edgesim.core.reuse import cookies_forwarded
from edgesim.core.selection import lowered

_DEVICE_HEADERS = frozenset(f"cloudfront-is-{kind}-viewer" for kind in ("desktop", "mobile", "smarttv", "tablet"))
_NOT_ON_304 = frozenset({"content-length", "content-encoding", "content-language", "content-range", "content-type"})


def relayed_headers(behavior: Behavior, headers: Headers) -> list[Field]:
    """The headers of an answer on its way through: end-to-end ones, Set-Cookie only if cookies are forwarded."""
    kept = end_to_end(headers)
    if not behavior.profile.policy_ttls or cookies_forwarded(behavior):
        return kept
    return [(name, value) for name, value in kept if name.lower() != "set-cookie"]


def filtered_vary(behavior: Behavior, headers: Iterable[Field]) -> list[Field]:
    """The same headers with Vary cut down to what CloudFront lets through (spec §1.7)."""
    headers = list(headers)
    if behavior.profile.vary_selects or not any(name.lower() == "vary" for name, _ in headers):
        return headers
    kept: list[Field] = []
    for name, value in headers:
        if name.lower() != "vary":
            kept.append((name, value))
            continue
        left = [token.strip() for token in value.split(",") if _kept_in_vary(behavior, token.strip().lower())]
        if left:
            kept.append((name, ", ".join(left)))
    return kept


def _kept_in_vary(behavior: Behavior, name: str) -> bool:
    if name in ("accept-encoding", "cookie"):
        return True
    if name in ("", "*"):
        return False
    if name == "user-agent" and not _DEVICE_HEADERS.isdisjoint(lowered(wanted_cloudfront(behavior))):
        return True
    return wants(behavior, name)


def selected_head(status: int, headers: list[Field], selection: Selection) -> tuple[int, list[Field]]:
    """Status and headers for the part that was selected: 206, 304 or 416 instead of the stored status."""
    match selection:
        case NotModified():
            return 304, [(name, value) for name, value in headers if name.lower() not in _NOT_ON_304]
        case Slice(interval, total):
            length = interval[1] - interval[0] + 1
            return 206, _with(headers, ("Content-Range", content_range(interval, total)), length)
        case Slices():
            return 206, headers
        case Unsatisfiable(total):
            return 416, _with(headers, ("Content-Range", f"bytes */{total}"), 0)
        case _:
            return status, headers


def _with(headers: list[Field], extra: Field, length: int) -> list[Field]:
    gone = {"content-length", "content-range"}
    return [pair for pair in headers if pair[0].lower() not in gone] + [("Content-Length", str(length)), extra]


def own_headers(
    verdict_outcome: Outcome,
    *,
    node: str,
    pop: str,
    request_id: str,
    age: int | None,
    before: str | None,
    http3: bool,
    cache_status: str,
) -> list[Field]:
    """X-Cache, Via, X-Amz-Cf-Pop, Alt-Svc, X-Amz-Cf-Id, Age and Cache-Status, in CloudFront's order (spec §1.6).

    ``before`` is the answer's own Via; ``age`` is given on answers from the store.
    """
    own = via((1, 1), node)
    found: list[Field] = [
        ("X-Cache", f"{verdict_outcome.value} from cloudfront"),
        ("Via", f"{before}, {own}" if before else own),
        ("X-Amz-Cf-Pop", pop),
    ]
    if http3:
        found.append(("Alt-Svc", 'h3=":443"; ma=86400'))
    found.append(("X-Amz-Cf-Id", request_id))
    if age is not None:
        found.append(("Age", str(age)))
    found.append(("Cache-Status", cache_status))
    return found
