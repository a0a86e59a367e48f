"""Origin access control: requests to an origin signed with AWS Signature Version 4 (spec §6.8).

The credential is a made-up one that every edgesim has; ``python -m origin --signed-only`` knows it as well.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

from edgesim.core.behaviors import OriginAccess, normalise_path
from edgesim.core.dates import civil
from edgesim.core.forwarding import Upstream
from edgesim.core.messages import Field

ACCESS_KEY = "EDGESIMORIGINACCESS1"
SECRET_KEY = "edgesim-simulated-origin-access-secret"

UNSIGNED = "UNSIGNED-PAYLOAD"
_EMPTY = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"
_REPLACED = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"})


def signs(access: OriginAccess | None) -> bool:
    """Whether requests to an origin may carry a signature of the edge's."""
    return access is not None and access.signing != "never"


def signed(access: OriginAccess | None, upstream: Upstream, now: float) -> Upstream:
    """The request as it goes to the origin, with a signature where its access control asks for one.

    ``now`` is the origin's time, seconds since the epoch. ``always`` replaces an Authorization the viewer sent and a
    policy forwards; ``no-override`` leaves such a request as it is.
    """
    if access is None or not signs(access):
        return upstream
    sent = {name.lower(): value for name, value in upstream.headers}
    if access.signing == "no-override" and "authorization" in sent:
        return upstream
    kept = [pair for pair in upstream.headers if pair[0].lower() not in _REPLACED]
    extra = signature_headers(
        access, upstream.method, upstream.target, upstream.host, _payload(access, sent), stamp_of(now)
    )
    dropped = (*upstream.dropped, *(("authorization",) if "authorization" in sent else ()))
    return replace(upstream, headers=[*kept, *extra], dropped=dropped)


def stamp_of(now: float) -> str:
    """X-Amz-Date's form: ``20260301T120000Z``."""
    days, rest = divmod(int(now), 86_400)
    year, month, day = civil(days)
    return f"{year:04d}{month:02d}{day:02d}T{rest // 3_600:02d}{rest // 60 % 60:02d}{rest % 60:02d}Z"


def signature_headers(
    access: OriginAccess, method: str, target: str, host: str, payload: str, stamp: str
) -> list[Field]:
    """The three headers of a signature over method, path, query, host, payload hash and time."""
    fields = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(fields)
    scope = f"{stamp[:8]}/{access.region}/{access.service}/aws4_request"
    request = canonical_request(access.service, method, target, fields)
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = f"{_ALGORITHM} Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return [("X-Amz-Date", stamp), ("X-Amz-Content-Sha256", payload), ("Authorization", proof)]


def canonical_request(service: str, method: str, target: str, fields: Mapping[str, str]) -> str:
    """What the signature is over; ``fields`` are the signed headers, lower-case and sorted."""
    path, _, query = target.partition("?")
    headers = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in fields.items())
    return "\n".join(
        (method, _path(service, path), _query(query), headers, ";".join(fields), fields["x-amz-content-sha256"])
    )


def _path(service: str, path: str) -> str:
    """S3 takes a path as it is, encoded once; the other services normalise it and encode it once more."""
    if service == "s3":
        return _encoded(path)
    return quote(_encoded(normalise_path(path)), safe="/~")


def _encoded(path: str) -> str:
    """A path in its one encoding; a slash that was encoded stays so."""
    return "/".join(_piece(segment) for segment in path.split("/"))


def _query(query: str) -> str:
    """Names and values encoded alike and sorted; a plus sign is a space, as those who verify read it."""
    pieces = (piece.partition("=") for piece in query.split("&") if piece)
    pairs = sorted((_piece(name.replace("+", " ")), _piece(value.replace("+", " "))) for name, _, value in pieces)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _piece(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogateescape")), safe="~")


def _payload(access: OriginAccess, sent: Mapping[str, str]) -> str:
    """Bodies are not signed; but Lambda wants their hash, which the viewer has to send."""
    if access.service != "lambda":
        return UNSIGNED
    return sent.get("x-amz-content-sha256", _EMPTY)
