"""What the fast path never answers: anything but one whole plain request that is, byte for byte, one it knows."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from fast_worlds import FAR, NEAR, FastWorld, Got, Viewer, fast_world, request

pytestmark = pytest.mark.live
ONE = request("/one.plain", "User-Agent: x")


async def refused(world: FastWorld, sent: bytes, *statuses: int) -> None:
    """After learning, on a connection that the fast path serves: these bytes get one of these statuses and no hit."""
    viewer, _ = await world.learnt(ONE)
    before = world.hits
    got = await viewer.ask(sent)
    assert got.status in statuses, (sent, got.head)
    assert world.hits == before
    await viewer.close()


BLOCK = ONE.partition(b"\r\n")[2]
SMUGGLED = [
    ONE[:-2] + b"\nGET /evil HTTP/1.1\r\n\r\n",
    ONE.replace(b"\r\n", b"\n"),
    ONE[:-2] + b"\n",
    ONE[:-4] + b"\n\r\n",
    ONE.replace(b"\r\nUser-Agent", b"\r\n User-Agent"),
    ONE.replace(b"User-Agent: x", b"User-Agent: x\r\n folded"),
    ONE.replace(b"User-Agent: x", b"User-Agent : x"),
    ONE.replace(b"User-Agent: x", b"User-Agent: \x00x"),
    ONE.replace(b"User-Agent: x", b"User\x00Agent: x"),
    ONE.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\r\n"),
    ONE.replace(b"GET /one.plain", b"GET  /one.plain"),
    ONE.replace(b"GET /one.plain", b"GET /one.plain\t"),
    ONE.replace(b"GET /one.plain", b"GET\t/one.plain"),
    ONE.replace(b"GET /one.plain", b"GET /one\x00.plain"),
    ONE.replace(b"/one.plain HTTP/1.1", b"/one.plain HTTP/1.1 HTTP/1.1"),
    ONE.replace(b"HTTP/1.1", b"HTTP/1.10"),
    ONE.replace(b"HTTP/1.1", b"http/1.1"),
    ONE.replace(b"HTTP/1.1", b"HTTP/2.0"),
    b"GET " + BLOCK,
    b"GET  HTTP/1.1" + b"\r\n" + BLOCK,
    request("/one.plain", "User-Agent: x", "Host: two.test"),
    request("/one.plain", "User-Agent: x", "Content-Length: 5", "Content-Length: 6"),
    request("/one.plain", "User-Agent: x", "Content-Length: +0"),
    request("/one.plain", "User-Agent: x", "Content-Length: 5", "Transfer-Encoding: chunked"),
    request("/one.plain", "User-Agent: x", "Transfer-Encoding: xchunked"),
    request("/one.plain", "User-Agent: x", "Transfer-Encoding : chunked"),
]


@pytest.mark.parametrize("sent", SMUGGLED)
async def test_what_the_parser_refuses_is_refused_after_learning(sent: bytes) -> None:
    async with fast_world() as world:
        await refused(world, sent, 400, 501, 505)


async def test_a_head_in_pieces() -> None:
    async with fast_world() as world:
        viewer, learned = await world.learnt(ONE)
        before = world.hits
        for cut in range(1, len(ONE)):
            viewer.writer.write(ONE[:cut])
            await _turn()
            got = await viewer.ask(ONE[cut:])
            assert got.masked == learned.masked
        assert world.hits == before


async def _turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_half_a_head_is_no_request() -> None:
    """Bytes that end like a known block, behind a beginning that came before."""
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        before = world.hits
        viewer.writer.write(b"GET /other.plain HTTP/1.1\r\nX-Body: ")
        await _turn()
        viewer.writer.write(ONE)
        got = await viewer.read()
        assert got.body.startswith(b"A GET /other.plain ")
        assert world.hits == before


async def test_two_requests_in_one_segment() -> None:
    async with fast_world() as world:
        other = request("/two.plain", "User-Agent: x")
        viewer, _ = await world.learnt(ONE)
        await world.learnt(other, viewer)
        before = world.hits
        for pair in ((ONE, other), (other, ONE), (ONE, ONE)):
            viewer.writer.write(pair[0] + pair[1])
            for sent in pair:
                assert (await viewer.read()).body.split()[2] == sent.split()[1]
        assert world.hits == before
        assert (await world.answered(ONE, viewer))[0]


async def test_a_request_and_a_half() -> None:
    async with fast_world() as world:
        other = request("/two.plain", "User-Agent: x")
        viewer, _ = await world.learnt(ONE)
        viewer.writer.write(ONE + other[:9])
        assert (await viewer.read()).body.split()[2] == b"/one.plain"
        viewer.writer.write(other[9:] + ONE)
        assert (await viewer.read()).body.split()[2] == b"/two.plain"
        assert (await viewer.read()).body.split()[2] == b"/one.plain"


async def test_an_answer_does_not_overtake_the_one_before() -> None:
    """A miss is under way when a known request comes."""
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        for number in range(20):
            viewer.writer.write(request(f"/{number}.big"))
            await _turn()
            viewer.writer.write(ONE)
            assert (await viewer.read()).body.split()[2] == f"/{number}.big".encode()
            assert (await viewer.read()).body.split()[2] == b"/one.plain"


PLAIN_BUT = [
    request("/one.plain", "User-Agent: x", "Content-Length: 0"),
    request("/one.plain", "User-Agent: x", "Connection: close"),
    request("/one.plain", "User-Agent: x", "Connection: keep-alive, close"),
    request("/one.plain", "User-Agent: x", "Connection: keep-alive, TE"),
    request("/one.plain", "User-Agent: x", "Connection: keep-alive", "Connection: keep-alive"),
    request("/one.plain", "User-Agent: x", "Connection: keep-alive", "Connection: X-Other", "X-Other: 1"),
    request("/one.plain", "User-Agent: x", "Connection:"),
    request("/one.plain", "User-Agent: x", "Connection: Upgrade", "Upgrade: websocket"),
    request("/one.plain", "User-Agent: x", "Expect: 100-continue"),
    request("/one.plain", "User-Agent: x", "TE: trailers"),
    request("/one.plain", "User-Agent: x", "Range: bytes=0-1"),
    request("/one.plain", "User-Agent: x", 'If-None-Match: "A"'),
    request("/one.plain", "User-Agent: x", "Authorization: Basic eDp5"),
    request("/one.plain", "User-Agent: x", method="HEAD"),
    request("/one.plain", "User-Agent: x", method="OPTIONS"),
    ONE.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ONE.replace(b"GET /one.plain", b"GET http://one.test/one.plain"),
    ONE.replace(b"GET /one.plain", b"GET http://two.test/one.plain"),
    b"\r\n" + ONE,
]


@pytest.mark.parametrize("sent", PLAIN_BUT)
async def test_plain_requests_only(sent: bytes) -> None:
    """Whatever came before and however often it is asked."""
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        before = world.hits
        for _ in range(5):
            viewer = await world.viewer() if viewer.reader.at_eof() else viewer
            got = await viewer.ask(sent)
            assert got.status in (200, 206, 304, 403)
            if got["Connection"] == "close":
                await viewer.ended()
        assert world.hits == before


@pytest.mark.parametrize("line", ["Connection: keep-alive", "connection: Keep-Alive", "Connection:  KEEP-ALIVE "])
async def test_keep_alive_is_what_connections_are_anyway(line: str) -> None:
    """Browsers say so in every request."""
    async with fast_world() as world:
        _, learned = await world.learnt(ONE)
        _, got = await world.learnt(request("/one.plain", "User-Agent: x", line))
        assert got.masked == learned.masked


async def test_a_body_behind_a_known_head() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        before = world.hits
        viewer.writer.write(ONE + b"body")
        assert (await viewer.read()).status == 200
        await _turn()
        viewer.writer.write(b"\r\n\r\n")
        assert (await viewer.read()).status == 400
        assert world.hits == before


async def test_a_known_block_with_a_target_not_seen_yet() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        fast, got = await world.answered(request("/two.plain", "User-Agent: x"), viewer)
        assert (fast, got.cached, got.body.split()[2]) == (False, "Miss", b"/two.plain")


async def test_a_known_target_with_another_host() -> None:
    """Names of one distribution share what they learn; another distribution's have their own."""
    async with fast_world() as world:
        viewer, got = await world.learnt(request("/one.plain"))
        for host in ("www.one.test", "ONE.TEST:81"):
            await viewer.ask(request("/one.plain", host=host))
            fast, alias = await world.answered(request("/one.plain", host=host), viewer)
            assert fast
            assert alias.masked == got.masked
        fast, other = await world.answered(request("/one.plain", host="two.test"), viewer)
        assert (fast, other.cached) == (False, "Miss")
        world.origin.stamp = "B"
        await viewer.ask(request("/two.plain", host="two.test"))
        _, got = await world.learnt(request("/two.plain", host="two.test"), viewer)
        assert got.body[:1] == b"B"
        world.origin.stamp = "A"
        _, got = await world.learnt(request("/two.plain"), viewer)
        assert got.body[:1] == b"A"


async def test_absolute_targets_do_not_lead_a_block_astray() -> None:
    """The host of an absolute target is not the Host of its block."""
    async with fast_world() as world:
        viewer = await world.viewer()
        for host in ("one.test", "two.test"):
            world.origin.stamp = host[0].upper()
            for _ in range(3):
                await viewer.ask(request("/one.plain", host=host))
        absolute = b"GET http://two.test/one.plain HTTP/1.1\r\nHost: one.test\r\nA: b\r\n\r\n"
        for _ in range(3):
            fast, _ = await world.answered(absolute, viewer)
            assert not fast
        for _ in range(4):
            got = await viewer.ask(request("/one.plain", "A: b", host="one.test"))
            assert got.body[:1] == b"O"


# Other viewers


async def test_another_peer_learns_for_itself() -> None:
    """Who comes from elsewhere may be somebody else, somewhere else."""
    networks = [{"cidr": "127.0.0.2/32", "place": "Sydney"}, {"cidr": "127.0.0.3/32", "place": "New York"}]
    async with fast_world(front={"networks": networks}) as world:
        viewer, got = await world.learnt(ONE)
        assert got["X-Amz-Cf-Pop"] == NEAR
        for source, pop in (("127.0.0.2", FAR), ("127.0.0.3", "JFK50-P1")):
            there = await world.viewer(source=source)
            fast, got = await world.answered(ONE, there)
            assert (fast, got["X-Amz-Cf-Pop"]) == (False, pop)
            _, got = await world.learnt(ONE, there)
            assert got["X-Amz-Cf-Pop"] == pop
            verdict = world.verdict(got)
            assert (verdict.visitor.address, verdict.visitor.port) == (source, there.port)
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (True, NEAR)


async def test_forwarded_addresses_and_pins_lead_elsewhere() -> None:
    networks = [{"cidr": "203.0.113.0/24", "place": "Sydney"}]
    async with fast_world(front={"networks": networks}) as world:
        viewer, _ = await world.learnt(request("/one.plain"))
        for line, pop in (
            ("X-Forwarded-For: 203.0.113.7", FAR),
            ("X-Edgesim-Location: New York", "JFK50-P1"),
            (f"X-Edgesim-Edge: {FAR}", FAR),
            ("Cookie: edgesim-location=Sydney", FAR),
        ):
            for number in range(4):
                got = await viewer.ask(request("/one.plain", line, f"A: {number // 2}"))
                assert got["X-Amz-Cf-Pop"] == pop, line
        fast, got = await world.answered(request("/one.plain"), viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (True, NEAR)


async def test_answers_that_depend_on_the_country_are_not_learned() -> None:
    async with fast_world() as world:
        viewer = await world.viewer()
        for host, place, status in (
            ("four.test", "London", 200),
            ("four.test", "Sydney", 403),
            ("three.test", "London", 200),
        ):
            for _ in range(4):
                fast, got = await world.answered(
                    request("/one.plain", f"X-Edgesim-Location: {place}", host=host), viewer
                )
                assert (fast, got.status) == (False, status)
                if got["Connection"] == "close":
                    viewer = await world.viewer()


async def test_https_and_http_learn_apart() -> None:
    async with fast_world(tls={"viewer": True}) as world:
        context = ssl.create_default_context(cafile=str(_authority(world)))
        secure = request("/secure/one.plain")
        viewer = await world.viewer(tls=_lenient(context))
        _, got = await world.learnt(secure, viewer)
        assert got.status == 200
        verdict = world.verdict(got)
        assert (verdict.request.scheme, verdict.tls[0]) == ("https", "TLSv1.3")
        plain = await world.viewer()
        for _ in range(3):
            fast, got = await world.answered(secure, plain)
            assert (fast, got.status) == (False, 301)
        fast, got = await world.answered(secure, viewer)
        assert (fast, got.status) == (True, 200)


def _authority(world: FastWorld) -> Path:
    found = sorted(world.running.directory.rglob("*.pem"))
    return next(path for path in found if "key" not in path.read_text().lower().split("-----")[1])


def _lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_each_edge_has_its_own_port_where_the_front_door_redirects() -> None:
    async with fast_world(front={"mode": "redirect"}) as world:
        front = await world.viewer()
        for _ in range(4):
            fast, got = await world.answered(ONE, front)
            assert (fast, got.status) == (False, 307)
        ports = world.running.door.edge_ports
        near = await world.viewer(port=ports[NEAR][0])
        far = await world.viewer(port=ports[FAR][0])
        _, got = await world.learnt(ONE, near)
        assert got["X-Amz-Cf-Pop"] == NEAR
        fast, got = await world.answered(ONE, far)
        assert (fast, got["X-Amz-Cf-Pop"], got.cached) == (False, FAR, "Miss")
        _, got = await world.learnt(ONE, far)
        assert got["X-Amz-Cf-Pop"] == FAR


# One viewer's answer is not another's


async def same_for(world: FastWorld, target: str, mine: str, yours: str, viewer: Viewer | None = None) -> list[Got]:
    """Two viewers' answers, mine learned first."""
    viewer = viewer or await world.viewer()
    found = []
    for line in (mine, yours, mine, yours):
        lines = [line] if line else []
        for _ in range(3):
            got = await viewer.ask(request(target, *lines))
        found.append(got)
    assert found[0].body == found[2].body
    assert found[1].body == found[3].body
    return found[:2]


APART = [
    ("/headers/one.plain", "X-Tenant: a", "X-Tenant: b"),
    ("/headers/one.plain", "X-Tenant: a", "x-tenant: A"),
    ("/headers/one.plain", "X-Tenant: a", ""),
    ("/headers/one.plain", "X-Tenant: a", "X-Tenant:"),
    ("/headers/one.plain", "X-Tenant: a", "X-Tenant: a\r\nX-Tenant: b"),
    ("/headers/one.plain", "Accept-Language: de", "Accept-Language: en"),
    ("/cookies/one.plain", "Cookie: session=1", "Cookie: session=2"),
    ("/cookies/one.plain", "Cookie: session=1", "Cookie: x=1\r\nCookie: session=2"),
    ("/cookies/one.plain", "Cookie: session=1", "Cookie: $session=1; session=3"),
    ("/legacy/one.plain", "Cookie: sessA=1", "Cookie: sessA=2"),
    ("/legacy/one.plain", "X-Tenant: a", "X-Tenant: b"),
    ("/host/one.plain", "Origin: https://a.test", "Origin: https://z.test"),
    ("/methods/one.plain", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method-Override: PUT"),
    ("/identity/one.plain", "Accept-Encoding: gzip", "Accept-Encoding: gzip;q=1"),
    ("/both/one.big", "Accept-Encoding: gzip", "Accept-Encoding: br"),
    ("/both/one.big", "Accept-Encoding: gzip", "Accept-Encoding: gzip;q=0"),
    ("/both/one.big", "Accept-Encoding: gzip", ""),
    ("/gzip/one.big", "Accept-Encoding: br, gzip", "Accept-Encoding: br"),
]


@pytest.mark.parametrize(("target", "mine", "yours"), APART)
async def test_what_is_in_the_key_keeps_viewers_apart(target: str, mine: str, yours: str) -> None:
    async with fast_world() as world:
        one, other = await same_for(world, target, mine, yours)
        assert one.body != other.body


@pytest.mark.parametrize(
    ("mine", "yours"), [("Origin: https://a.test", "Origin: https://x.b.test"), ("Origin: https://a.test", "")]
)
async def test_cors_answers_name_the_viewers_own_origin(mine: str, yours: str) -> None:
    async with fast_world() as world:
        one, other = await same_for(world, "/cors/one.plain", mine, yours)
        assert one.body == other.body
        assert one["Access-Control-Allow-Origin"] == "https://a.test"
        assert other["Access-Control-Allow-Origin"] == yours.partition(": ")[2]


async def test_a_policys_own_age_leaves_the_framing_alone() -> None:
    """A policy may set Age, which the fast path has a mark for; the message is framed as ever."""
    async with fast_world() as world:
        viewer = await world.viewer()
        for _ in range(4):
            got = await viewer.ask(request("/odd/one.plain"))
            assert got["Transfer-Encoding"] == ""
            assert got["Connection"] == "keep-alive"


async def test_an_origin_that_writes_the_marks_of_the_fast_path() -> None:
    async with fast_world() as world:
        viewer = await world.viewer()
        for _ in range(4):
            got = await viewer.ask(request("/one.marks"))
            assert got["X-Echo"] == "@edgesim-id@ @edgesim-age@ @edgesim-ttl@"
            assert world.verdict(got).id == got.id


async def test_ids_are_never_given_twice() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        ids = [(await viewer.ask(ONE)).id for _ in range(700)]
        assert len(set(ids)) == 700
        assert [verdict.id for verdict in world.running.records.last(700)] == ids[::-1]


async def test_the_viewers_own_port_is_in_the_verdict() -> None:
    async with fast_world() as world:
        first, _ = await world.learnt(ONE)
        second = await world.viewer()
        _, got = await world.learnt(ONE, second)
        assert world.verdict(got).visitor.port == second.port
        _, got = await world.answered(ONE, first)
        assert world.verdict(got).visitor.port == first.port


async def test_a_half_closed_viewer() -> None:
    async with fast_world() as world:
        viewer, learned = await world.learnt(ONE)
        viewer.writer.write(ONE)
        viewer.writer.write_eof()
        assert (await viewer.read()).masked == learned.masked
        assert await viewer.ended() == b""


async def test_a_viewer_who_is_gone() -> None:
    """Resets right behind its requests; nothing breaks, all is counted."""
    async with fast_world() as world:
        await world.learnt(ONE)
        for _ in range(20):
            viewer, _ = await world.learnt(ONE)
            sock = viewer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            viewer.writer.write(ONE)
            await _turn()
            viewer.writer.transport.abort()
            await _turn()
        fast, got = await world.answered(ONE, (await world.learnt(ONE))[0])
        assert fast
        assert got.status == 200
