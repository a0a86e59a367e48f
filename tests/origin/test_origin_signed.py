"""``--signed-only``: what is let in, and how the rest is refused. Requests are signed by botocore."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

from origin.running import Settings
from origin.signatures import KNOWN_KEYS, refusal

((KEY, SECRET),) = KNOWN_KEYS.items()
PICTURE = "/wp-content/uploads/harbour.jpg"
SIGNED_ONLY = Settings(signed_only="/wp-content/uploads/")


def signature(
    url: str, method: str = "GET", key: str = KEY, secret: str = SECRET, shift: float = 0.0, service: str = "s3"
) -> dict[str, str]:
    """The headers botocore adds."""
    request = AWSRequest(method, url, data=b"")
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    at = datetime.fromtimestamp(time.time() + shift, UTC).replace(tzinfo=None)
    with patch("botocore.auth.get_current_datetime", lambda **_: at):
        kind(Credentials(key, secret), service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("target", [PICTURE, f"{PICTURE}?b=2&a=%C3%A4&a=1", "/wp-content/uploads/harbour.jpg?x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_signed_request_is_let_in(visit, method, target):
    async with visit(SIGNED_ONLY) as visitor:
        answer = await visitor.ask(method, target, headers=signature(visitor.site.http + target, method))
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "image/jpeg"


async def test_other_paths_are_open(visit):
    async with visit(SIGNED_ONLY) as visitor:
        assert (await visitor.get("/about/")).status == 200
    async with visit(Settings(signed_only="/")) as visitor:
        assert (await visitor.get("/about/")).status == 403
        assert (await visitor.get("/_origin/health")).status == 200


async def test_refusals_are_s3s(visit):
    async with visit(SIGNED_ONLY) as visitor:
        url = visitor.site.http + PICTURE
        whole = signature(url)
        for headers, code in (
            ({}, "AccessDenied"),
            ({"Authorization": "Basic eDp5"}, "AccessDenied"),
            ({**whole, "X-Amz-Date": "20260301T120000Z"}, "AccessDenied"),
            (signature(url, key="AKIAIOSFODNN7EXAMPLE"), "InvalidAccessKeyId"),
            (signature(url, secret="another"), "SignatureDoesNotMatch"),
            (signature(url, "HEAD"), "SignatureDoesNotMatch"),
            (signature(url + "?x=1"), "SignatureDoesNotMatch"),
            (signature(url, shift=-1_000), "RequestTimeTooSkewed"),
            (signature(url, shift=1_000), "RequestTimeTooSkewed"),
        ):
            answer = await visitor.ask("GET", PICTURE, headers=headers)
            assert (answer.status, answer.headers["Content-Type"]) == (403, "application/xml"), code
            assert f"<Code>{code}</Code>" in answer.text
            assert re.search(r"<RequestId>[0-9A-F]{16}</RequestId><HostId>\w+</HostId></Error>$", answer.text)
            assert answer.headers["Cache-Control"] == "no-store"


async def test_an_escaped_path_is_the_same_path(visit):
    async with visit(SIGNED_ONLY) as visitor:
        assert b" 403 " in (await visitor.raw("/wp-content/%75ploads/harbour.jpg", "Connection: close"))[0]


def test_another_service_encodes_the_path_twice():
    headers = CIMultiDict(signature("http://h/a%20b?q=1", service="execute-api"), Host="h")
    assert refusal("GET", "/a%20b?q=1", headers, time.time()) is None
    assert refusal("GET", "/a%2520b?q=1", headers, time.time()) is not None
