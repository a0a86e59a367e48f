"""Accept-Encoding normalised, and which answers are compressed at the edge (spec §3.4, §7.11)."""

from __future__ import annotations

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior
from edgesim.core.messages import Request, Response, listed, tokens
from edgesim.core.reasons import NotCompressed

SMALLEST, LARGEST = 1_000, 10_000_000
COMPRESSED_STATUSES = frozenset({200, 403, 404})

COMPRESSED_TYPES = frozenset(
    [f"application/{name}" for name in (
        "dash+xml", "eot", "font", "font-sfnt", "javascript", "json", "opentype", "otf", "pdf", "pkcs7-mime",
        "protobuf", "rss+xml", "truetype", "ttf", "vnd.apple.mpegurl", "vnd.mapbox-vector-tile",
        "vnd.ms-fontobject", "wasm", "xhtml+xml", "xml", "x-font-opentype", "x-font-truetype", "x-font-ttf",
        "x-httpd-cgi", "x-javascript", "x-mpegurl", "x-opentype", "x-otf", "x-perl", "x-ttf",
    )]
    + [f"font/{name}" for name in ("eot", "opentype", "otf", "ttf")]
    + ["image/svg+xml", "vnd.apple.mpegurl"]
    + [f"text/{name}" for name in (
        "css", "csv", "html", "javascript", "js", "plain", "richtext", "tab-separated-values", "xml",
        "x-component", "x-java-source", "x-script",
    )]
)  # fmt: skip
"""Content types that are compressed (spec §7.11)."""


def accepted(value: str | None, q_zero: bool = False) -> frozenset[str]:
    """The codings of an Accept-Encoding that the viewer takes; ``gzip;q=0`` only where ``q_zero`` (spec §3.4 [sim])."""
    found = set()
    for part in (value or "").split(","):
        coding, _, parameters = part.partition(";")
        weight = parameters.strip().lower().removeprefix("q=").strip() if parameters else "1"
        if q_zero or weight.rstrip("0").rstrip(".") not in ("", "0"):
            found.add(coding.strip().lower())
    return frozenset(found)


def normalised(behavior: Behavior, request: Request) -> tuple[str, str | None] | None:
    """(what stands in the key, what the origin is sent); ``None`` where Accept-Encoding is an ordinary header.

    An empty key part and ``identity`` or nothing for the origin when no turned-on coding is accepted.
    """
    policy = behavior.policy
    gzip, brotli = policy.gzip or policy.legacy, policy.brotli
    if not gzip and not brotli:
        return None
    value = listed(request.headers, "Accept-Encoding")
    if value is None or request.version < (1, 1):
        return "", None
    taken = accepted(value, behavior.profile.q_zero_accepts)
    kept = [coding for coding, on in (("br", brotli), ("gzip", gzip)) if on and coding in taken]
    text = ",".join(kept)
    return text, text or "identity"


def compression(behavior: Behavior, request: Request, response: Response) -> str | NotCompressed:
    """``br`` or ``gzip``, or why the answer stays as it is."""
    policy = behavior.policy
    if not behavior.compress or not (policy.gzip or policy.brotli or policy.legacy):
        return NotCompressed.OFF
    if not behavior.caching:
        return NotCompressed.CACHING_DISABLED
    if request.version < (1, 1):
        return NotCompressed.HTTP_1_0
    key, _ = normalised(behavior, request) or ("", None)
    if not key:
        return NotCompressed.NOT_ACCEPTED
    return _unsuitable(response) or key.partition(",")[0]


def _unsuitable(response: Response) -> NotCompressed | None:
    headers = response.headers
    if response.status == 206:
        return NotCompressed.PARTIAL
    if response.status not in COMPRESSED_STATUSES:
        return NotCompressed.STATUS
    if "Content-Encoding" in headers:
        return NotCompressed.ENCODED
    if "Content-Length" not in headers or response.length is None:
        return NotCompressed.NO_LENGTH
    if response.length < SMALLEST:
        return NotCompressed.TOO_SMALL
    if response.length > LARGEST:
        return NotCompressed.TOO_BIG
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in COMPRESSED_TYPES:
        return NotCompressed.TYPE
    if "no-transform" in tokens(listed(headers, "Cache-Control")):
        return NotCompressed.NO_TRANSFORM
    return None


def compressed_head(response: Response, coding: str) -> Response:
    """The head of the compressed answer: coding named, length gone, Vary extended, a strong ETag made weak."""
    headers = CIMultiDict(response.headers)
    headers.popall("Content-Length", None)
    headers.popall("Accept-Ranges", None)
    headers["Content-Encoding"] = coding
    if "accept-encoding" not in tokens(listed(headers, "Vary")):
        headers.add("Vary", "Accept-Encoding")
    etag = headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        if etag.startswith('"'):
            headers["ETag"] = f"W/{etag}"
        else:
            headers.popall("ETag")
    return Response(response.status, headers, response.reason, None)
