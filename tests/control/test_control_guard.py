"""Strangers, floods and nonsense at the control port: refused in its own words, never a 500."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from control_asker import Asker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from edgesim.control.app import ROUTES
from edgesim.control.guard import is_own
from edgesim.control.route import LARGEST_BODY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.live]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost", "LocalHost:1", "[::1]:8081", "127.9.9.9", "a.localhost"]
)
async def test_loopback_names_are_welcome(host: str) -> None:
    assert is_own(host, ())


@pytest.mark.parametrize("host", ["", "evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "[", "@"])
async def test_other_names_are_not(host: str) -> None:
    assert not is_own(host, ())


async def test_names_can_be_configured() -> None:
    assert is_own("Edgesim:8081", {"edgesim"})


async def test_a_rebound_name_is_refused(asker: Asker) -> None:
    for path in ("health", "/"):
        answer = await asker.ask("GET", path, Host="evil.test")
        assert (answer.status, answer.error["code"]) == (403, "AccessDenied")


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://localhost:1"])
async def test_a_write_across_origins_is_refused(asker: Asker, origin: str) -> None:
    answer = await asker.ask("POST", "latency", {"mode": "reported"}, Origin=origin)
    assert (answer.status, answer.error["code"]) == (403, "AccessDenied")
    assert (await asker.ask("GET", "health", Origin=origin)).status == 200


async def test_a_write_from_our_own_page_is_welcome(asker: Asker) -> None:
    assert (await asker.ask("POST", "latency", {"mode": "reported"}, Origin=asker.url)).status == 200


async def test_a_large_body_is_refused(asker: Asker) -> None:
    answer = await asker.ask("POST", "invalidations", raw=io.BytesIO(b" " * (LARGEST_BODY + 1)))
    assert (answer.status, answer.error["code"]) == (413, "RequestTooLarge")


async def test_an_unknown_route_names_the_nearest(asker: Asker) -> None:
    answer = await asker.ask("GET", "helth")
    assert answer.status == 404
    assert "/_edgesim/health" in answer.error["message"]


async def test_a_method_that_is_not_there_names_those_that_are(asker: Asker) -> None:
    answer = await asker.ask("PUT", "clock")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
    assert "POST" in answer.error["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"speed": NaN}',
        b'{"speed": Infinity}',
        b'{"advance": 1e999}',
        b'{"advance": ' + b"9" * 5000 + b"}",
        b'{"advance": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"set": "\\ud800"}',
        b'{"set": "\\u0000"}',
        b'{"\\ud800": 1}',
    ],
)
async def test_nonsense_is_refused_with_what_was_expected(asker: Asker, raw: bytes) -> None:
    answer = await asker.ask("POST", "clock", raw=raw)
    assert answer.status == 400, answer.text
    assert answer.error["code"] == "InvalidArgument"
    assert answer.error["message"]


_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_BODIES: dict[str, type[BaseModel]] = {route.path: route.body for route in ROUTES if route.body is not None}


@st.composite
def _posts(draw: st.DrawFn) -> tuple[str, Any]:
    path = draw(st.sampled_from(sorted(_BODIES)))
    names = st.sampled_from(sorted(_BODIES[path].model_fields))
    body = draw(st.dictionaries(names | st.text(max_size=6), _VALUES, max_size=4))
    return path.replace("{pop}", draw(st.sampled_from(["LHR", "%00", "..", "%FF", "L" * 300]))), body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(post=_posts())
async def test_no_body_makes_it_fail(asker: Asker, post: tuple[str, Any]) -> None:
    path, body = post
    answer = await asker.ask("POST", path.lstrip("/"), raw=json.dumps(body).encode())
    assert answer.status < 500, (post, answer.text)
    assert answer.status < 300 or answer.error["message"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["edges/LHR/entries", "commands", "bill", "verdicts", "explain/last", "faults/x", "edges/x"]),
    name=st.sampled_from(["limit", "prefix", "since", "month", "wait", "x"]),
    value=st.sampled_from(
        ["", "-1", "1e9", "nan", "inf", "0x1", "٣", "1" * 400, "%00", "%FF", "%F0%9F%8D%8B", "&", "1_0"]
    ),
)
async def test_no_query_makes_it_fail(asker: Asker, path: str, name: str, value: str) -> None:
    from yarl import URL

    async with asker.session.get(URL(f"{asker.url}/_edgesim/{path}?{name}={value}", encoded=True)) as response:
        assert response.status < 500, (path, name, value)
