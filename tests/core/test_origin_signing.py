"""Signatures of requests to origins, beside botocore's own."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.core.behaviors import OriginAccess
from edgesim.core.forwarding import Upstream
from edgesim.core.origin_signing import ACCESS_KEY, SECRET_KEY, UNSIGNED, signed, signs, stamp_of

NOON = 1_772_366_400.0
CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY)
HOST = "bucket.s3.eu-west-1.amazonaws.com"


class _Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.fromtimestamp(NOON, tz)

    @classmethod
    def utcnow(cls) -> datetime:
        return datetime.fromtimestamp(NOON, UTC).replace(tzinfo=None)


def by_botocore(method: str, target: str, service: str, region: str, body: bytes | None = None) -> str:
    """The Authorization that botocore makes for the same request over HTTPS; ``body`` is to be signed as well."""
    request = AWSRequest(method, f"https://{HOST}{target}", headers={"host": HOST}, data=body)
    if body is not None:
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    request.context["client_config"] = Config(s3={"payload_signing_enabled": False})
    request.context["payload_signing_enabled"] = body is not None
    if service == "s3":
        auth: SigV4Auth = S3SigV4Auth(CREDENTIALS, service, region)
    else:
        auth = SigV4Auth(CREDENTIALS, service, region)
    with patch("botocore.auth.get_current_datetime", lambda **_: _Clock.utcnow()):
        auth.add_auth(request)
    return str(request.headers["Authorization"])


def upstream(method: str = "GET", target: str = "/", **headers: str) -> Upstream:
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Upstream(method, target, [("Host", HOST), ("User-Agent", "Amazon CloudFront"), *more], HOST)


def sent(access: OriginAccess, request: Upstream, now: float = NOON) -> dict[str, str]:
    return {name.lower(): value for name, value in signed(access, request, now).headers}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/index.html",
        "/a%20b/c~d_e-f.g",
        "/a//b/../c",
        "/%C3%A4",
        "/x?b=2&a=1&a=0&c",
        "/x?q=a%2Bb%20c&list-type=2&prefix=a%2Fb",
        "/x?",
    ],
)
def test_s3_as_botocore_signs(method: str, target: str) -> None:
    found = sent(OriginAccess("always", "s3", "eu-west-1"), upstream(method, target))
    assert found["authorization"] == by_botocore(method, target, "s3", "eu-west-1")
    assert (found["x-amz-date"], found["x-amz-content-sha256"]) == ("20260301T120000Z", UNSIGNED)


_WORDS = st.text(max_size=12).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))


@settings(deadline=None)
@given(st.lists(_WORDS, max_size=4), st.lists(st.tuples(_WORDS.filter(bool), _WORDS), max_size=4))
def test_s3_as_botocore_signs_any_encoded_url(path: list[str], query: list[tuple[str, str]]) -> None:
    target = "/" + "/".join(quote(word, safe="~") for word in path)
    if query:
        target += "?" + "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    found = sent(OriginAccess("always", "s3", "us-east-1"), upstream(target=target))
    assert found["authorization"] == by_botocore("GET", target, "s3", "us-east-1")


@pytest.mark.parametrize("target", ["/", "/a/b", "/a%20b/", "/a//b", "/a/../b", "/a/./b/", "/f?x=1&a=%2F"])
@pytest.mark.parametrize("service", ["lambda", "mediastore", "mediapackagev2"])
def test_other_services_as_botocore_signs(target: str, service: str) -> None:
    body = b"some bytes" if service == "lambda" else None
    payload = UNSIGNED if body is None else hashlib.sha256(body).hexdigest()
    request = upstream("POST", target, x_amz_content_sha256=hashlib.sha256(b"some bytes").hexdigest())
    found = sent(OriginAccess("always", service, "eu-west-1"), request)
    assert found["x-amz-content-sha256"] == payload
    assert found["authorization"] == by_botocore("POST", target, service, "eu-west-1", body)


def test_lambda_without_the_viewers_hash_is_signed_as_empty() -> None:
    found = sent(OriginAccess("always", "lambda", "eu-west-1"), upstream())
    assert found["x-amz-content-sha256"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert found["authorization"] == by_botocore("GET", "/", "lambda", "eu-west-1", b"")


def test_the_same_bytes_however_the_viewer_wrote_them() -> None:
    def of(target: str) -> str:
        return sent(OriginAccess(), upstream(target=target))["authorization"]

    assert of("/a!b'c") == of("/a%21b%27c") == of("/%61!b'c")
    assert of("/a?x=a+b") == of("/a?x=a%20b")
    assert of("/a?x=a%2Bb") != of("/a?x=a+b")


def test_always_replaces_and_no_override_keeps_the_viewers_authorization() -> None:
    request = upstream(Authorization="Bearer x", X_Amz_Date="old", X_Amz_Security_Token="t")
    always = signed(OriginAccess("always"), request, NOON)
    names = [name.lower() for name, _ in always.headers]
    assert names.count("authorization") == names.count("x-amz-date") == 1
    assert "x-amz-security-token" not in names
    assert "authorization" in always.dropped
    assert ("Authorization", "Bearer x") not in always.headers
    assert signed(OriginAccess("no-override"), request, NOON) is request
    assert sent(OriginAccess("no-override"), upstream())["authorization"].startswith("AWS4-HMAC-SHA256 ")


def test_never_and_none_sign_nothing() -> None:
    request = upstream()
    assert signed(OriginAccess("never"), request, NOON) is request
    assert signed(None, request, NOON) is request
    assert not signs(None)
    assert not signs(OriginAccess("never"))
    assert signs(OriginAccess("no-override"))


@given(st.integers(0, 4_102_444_799))
def test_stamps_as_datetime_has_them(second: int) -> None:
    assert stamp_of(second + 0.9) == datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
