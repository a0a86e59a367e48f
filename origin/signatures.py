"""``--signed-only``: paths that answer only to requests with an AWS Signature Version 4, as a private bucket does.

There is one known key. The signature is computed from what arrived, so a proxy that signs one request and sends another
is found out. Refusals look like S3's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import strptime
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

from origin.document import Document, Octets

KNOWN_KEYS = {"EDGESIMORIGINACCESS1": "edgesim-simulated-origin-access-secret"}
"""The credential that edgesim's edges sign with. It is good for nothing else."""

LONGEST_SKEW = 900.0
"""Seconds that a signature's time may be off."""

XML = ("Content-Type", "application/xml")
NEVER = ("Cache-Control", "no-store")

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;_-]+),\s*Signature=([0-9a-f]{64})",
    re.ASCII,
)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, in S3's words."""

    code: str
    message: str

    def document(self) -> Document:
        """The answer: a 403 with S3's XML."""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<RequestId>{token_hex(8).upper()}</RequestId><HostId>{token_hex(28)}</HostId></Error>"
        )
        return Document(Octets(text.encode()), (XML, NEVER), 403)


DENIED = Refusal("AccessDenied", "Access Denied")
UNKNOWN_KEY = Refusal("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
SKEWED = Refusal("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
MISMATCH = Refusal(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)


def refusal(method: str, target: str, headers: Mapping[str, str], now: float) -> Refusal | None:
    """What is wrong with a request's signature; ``None`` for nothing. ``now`` is seconds since the epoch."""
    found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if found is None:
        return DENIED
    key, day, region, service, names, signature = found.groups()
    secret = KNOWN_KEYS.get(key)
    if secret is None:
        return UNKNOWN_KEY
    stamp = headers.get("X-Amz-Date", "")
    signed_at = _seconds(stamp)
    if signed_at is None or not stamp.startswith(day) or not {"host", "x-amz-date"} <= set(names.split(";")):
        return DENIED
    if abs(now - signed_at) > LONGEST_SKEW:
        return SKEWED
    asked = _asked(method, target, headers, names, service)
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, f"{day}/{region}/{service}/aws4_request", _hash(asked)))
    own = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        own = hmac.new(own, part.encode(), hashlib.sha256).digest()
    own_signature = hmac.new(own, text.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(own_signature, signature) else MISMATCH


def _asked(method: str, target: str, headers: Mapping[str, str], names: str, service: str) -> str:
    """The canonical request: S3 takes a path as it is, the others encode it twice."""
    path, _, query = target.partition("?")
    once = "/".join(_encode(unquote_to_bytes(segment)) for segment in path.split("/"))
    lines = [method, once if service == "s3" else _encode(once.encode(), b"/"), _query(query)]
    lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in names.split(";")]
    return "\n".join([*lines, "", names, headers.get("X-Amz-Content-Sha256", _hash(""))])


def _query(query: str) -> str:
    pairs = []
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        if piece:
            pairs.append(tuple(_encode(unquote_to_bytes(part.replace("+", " "))) for part in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encode(data: bytes, also: bytes = b"") -> str:
    return "".join(chr(byte) if byte in _UNRESERVED or byte in also else f"%{byte:02X}" for byte in data)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _seconds(stamp: str) -> float | None:
    try:
        return float(timegm(strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None
