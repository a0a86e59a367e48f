"""The balancer: sharing out, forwarding, stopping nodes under load, and telling what reached the site."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl

import pytest
from cryptography import x509

from origin.arrivals import KEPT, Arrivals
from origin.forwarding import Client, forwarded
from origin.messages import Inbox, Malformed, RequestHead, ResponseHead, read_request, read_response
from origin.pool import Pool, Target
from origin.running import CannotStart, Settings, running


async def is_down(visitor, node):
    return not await visitor.is_healthy(node)


async def is_at_rest(visitor):
    return await visitor.in_flight() == 0


async def has_body(visitor):
    return any(arrival["body_length"] for arrival in await visitor.arrivals())


async def test_round_robin_over_the_nodes(visit):
    async with visit(Settings(nodes=3)) as visitor:
        served = [(await visitor.get("/about/")).headers["X-Served-By"] for _ in range(6)]
    assert sorted(served[:3]) == ["site-a", "site-b", "site-c"]
    assert served[:3] == served[3:]


async def test_sticky_clients_stay_until_their_node_stops(visit):
    async with visit(Settings(sticky=True)) as visitor:
        first = await visitor.get("/about/")
        node = first.headers["X-Served-By"]
        assert first.headers["Set-Cookie"] == f"HARBOURLB={node}; Path=/"
        for _ in range(3):
            again = await visitor.get("/about/", Cookie=f"x=1; HARBOURLB={node}")
            assert again.headers["X-Served-By"] == node
            assert "Set-Cookie" not in again.headers
        await visitor.order(node, "stopped")
        moved = await visitor.get("/about/", Cookie=f"HARBOURLB={node}")
        assert moved.headers["Set-Cookie"] == f"HARBOURLB={moved.headers['X-Served-By']}; Path=/"
        assert moved.headers["X-Served-By"] != node


async def test_what_reached_the_site_is_told_header_for_header(visitor, connect):
    reader, writer = await connect(visitor.site.http)
    port = writer.get_extra_info("sockname")[1]
    lines = ["HOST: shop.example", "x-CaSe: 1", "X-Twice: a", "X-Twice: b", "Via: 1.1 \xe9", "X-Forwarded-For: 9.9.9.9"]
    request = "\r\n".join(["POST /lab/a%2Fb?q=%41&header=X:y HTTP/1.1", *lines, "Content-Length: 5", "", "12345"])
    writer.write(request.encode("latin-1"))
    await reader.readuntil(b"\r\n\r\n")
    (arrival,) = await visitor.arrivals()
    assert arrival["method"] == "POST"
    assert arrival["target"] == "/lab/a%2Fb?q=%41&header=X:y"
    assert (arrival["version"], arrival["scheme"], arrival["body_length"]) == ("1.1", "http", 5)
    assert arrival["node"] in {"site-a", "site-b"}
    assert arrival["peer"] == f"127.0.0.1:{port}"
    assert arrival["number"] == pytest.approx(arrival["received"] * 1e6, abs=10)
    listener = visitor.site.http.rpartition(":")[2]
    assert arrival["headers"] == [
        *(line.split(": ") for line in lines[:-1]),
        ["X-Forwarded-For", "9.9.9.9, 127.0.0.1"],
        ["Content-Length", "5"],
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Port", listener],
    ]
    writer.close()


async def test_the_record_can_be_narrowed_and_emptied(visitor):
    for path in ("/about/", "/lab?body=1", "/lab/2", "/_origin/health"):
        await visitor.get(path)
    everything = (await visitor.get("/_origin/requests")).json()
    assert [request["target"] for request in everything["requests"]] == ["/about/", "/lab?body=1", "/lab/2"]
    assert everything["last"] == everything["requests"][-1]["number"]
    assert len(await visitor.arrivals("?path=/lab")) == 2
    second = everything["requests"][1]["number"]
    assert [request["target"] for request in await visitor.arrivals(f"?since={second}")] == ["/lab/2"]
    node = (await visitor.get("/_origin/nodes")).json()["nodes"][0]["url"]
    assert len((await visitor.get(node + "/_origin/requests")).json()["requests"]) == 3
    assert (await visitor.get("/_origin/requests?since=x")).status == 400
    assert (await visitor.ask("DELETE", "/_origin/requests")).status == 204
    assert (await visitor.get("/_origin/requests")).json() == {"requests": [], "last": everything["last"]}


def test_the_record_is_bounded():
    arrivals = Arrivals()
    for number in range(KEPT + 2):
        arrivals.add(method="GET", target=f"/{number}", version="1.1", scheme="http", headers=[], node="a", peer="")
    kept = arrivals.listing({})["requests"]
    assert (len(kept), kept[0]["target"]) == (10_000, "/2")


async def test_stopping_a_node_under_load_loses_no_request(visitor):
    statuses: list[int] = []
    nodes: set[str] = set()
    done = asyncio.Event()

    async def load(number: int) -> None:
        while not done.is_set():
            method, path = (("POST", "/lab?size=5000&delay=0.005"), ("GET", "/about/"))[number % 2]
            answer = await visitor.ask(method, path, data=b"x" * 2000 if method == "POST" else None)
            statuses.append(answer.status)
            nodes.add(answer.headers["X-Served-By"])

    async with asyncio.TaskGroup() as group:
        for number in range(12):
            group.create_task(load(number))
        for node in ("site-a", "site-b", "site-a"):
            await asyncio.sleep(0.1)
            assert (await visitor.order(node, "stopped"))["state"] == "stopped"
            await asyncio.sleep(0.1)
            seen = len(statuses)
            nodes.clear()
            for _ in range(1000):  # a busy machine may answer nobody for a while
                if len(statuses) >= seen + 20:
                    break
                await asyncio.sleep(0.01)
            assert node not in nodes
            assert nodes
            assert (await visitor.order(node, "running"))["healthy"] is True
        done.set()
    assert len(statuses) > 60
    assert set(statuses) == {200}
    assert len(await visitor.arrivals()) == len(statuses)


async def test_a_stopped_node_finishes_what_it_has_and_then_refuses(visitor, connect, until):
    await visitor.order("site-b", "stopped")
    slow = asyncio.create_task(visitor.get("/lab?delay=0.15&body=finished"))
    await until(visitor.arrivals)
    state = await visitor.order("site-a", "stopped")
    assert (state["state"], state["in_flight"]) == ("stopped", 1)
    refused = await visitor.get("/about/")
    assert (refused.status, refused.headers["X-Served-By"]) == (503, "balancer")
    assert (await visitor.get("/_origin/health")).status == 503
    assert (await slow).text == "finished"
    await until(lambda: is_down(visitor, "site-a"))
    with pytest.raises(ConnectionRefusedError):
        await connect(state["url"])
    await visitor.order("site-a", "running")
    assert (await visitor.get("/about/")).headers["X-Served-By"] == "site-a"


async def test_a_node_can_be_brought_back_while_it_still_drains(visitor, until):
    hanging = asyncio.create_task(visitor.get("/lab?delay=0.1"))
    await until(visitor.arrivals)
    node = (await visitor.arrivals())[0]["node"]
    before = await visitor.order(node, "stopped")
    after = await visitor.order(node, "running")
    assert (after["url"], after["healthy"]) == (before["url"], True)
    assert (await hanging).status == 200


async def test_orders_that_make_no_sense(visitor):
    assert (await visitor.ask("POST", "/_origin/nodes/site-z", json={"state": "stopped"})).status == 404
    assert (await visitor.ask("POST", "/_origin/nodes/site-a", data=b"stop it")).status == 400
    assert (await visitor.ask("POST", "/_origin/nodes/site-a", json={"state": "asleep"})).status == 400
    assert (await visitor.ask("DELETE", "/_origin/nodes/site-a")).status == 405
    assert (await visitor.get("/_origin/else")).status == 404


async def test_separate_nodes_and_a_balancer(visit, until):
    """The roles of containers: a node that dies is left out, and GETs on its old connections lose nothing."""
    doomed = visit(Settings(role="node", node_name="site-b"))
    async with visit(Settings(role="node", node_name="site-a")) as one:
        other = await doomed.__aenter__()
        urls = (one.site.http, other.site.http)
        async with visit(Settings(role="balancer", node_urls=urls, health_interval=0.05)) as visitor:
            assert {(await visitor.get("/about/")).headers["X-Served-By"] for _ in range(4)} == {"site-a", "site-b"}
            assert len(await visitor.arrivals()) == 4
            numbers = [request["number"] for request in await visitor.arrivals()]
            assert numbers == sorted(numbers)
            assert (await visitor.get("/_origin/requests?since=x")).status == 400
            assert (await visitor.ask("DELETE", "/_origin/requests")).status == 204
            assert await visitor.arrivals() == []
            await doomed.__aexit__(None, None, None)
            for _ in range(6):
                assert (await visitor.get("/about/")).headers["X-Served-By"] == "site-a"
            await until(lambda: is_down(visitor, "site-b"))
            stopped = await visitor.order("site-a", "stopped")
            assert stopped["healthy"] is True
            assert (await visitor.get("/about/")).status == 503
            await visitor.order(one.site.http.removeprefix("http://"), "running")  # by its address too
            assert (await visitor.get("/about/")).status == 200


async def test_a_node_that_dies_unanswered(visit):
    """A GET goes to the next node, a POST that may have been acted upon becomes 502, and a fault of /lab stays one."""
    fatal = asyncio.Event()

    async def half_dead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b"/_origin/health" in request:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Served-By: site-x\r\nConnection: close\r\n\r\n")
        else:
            fatal.set()
        writer.close()

    server = await asyncio.start_server(half_dead, "127.0.0.1", 0)
    dead = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with visit(Settings(role="node")) as node:
        settings = Settings(role="balancer", node_urls=(dead, node.site.http), health_interval=60)
        async with visit(settings) as visitor:
            assert (await visitor.get("/about/")).headers["X-Served-By"] == "site-a"
            assert fatal.is_set()
            answers = [await visitor.ask("POST", "/wp-login.php", data=b"x") for _ in range(2)]
            assert sorted(answer.status for answer in answers) == [200, 502]
            assert sorted([(await visitor.raw("/lab", "Connection: close"))[0][9:12] for _ in range(2)]) == [
                b"",
                b"200",
            ]
    server.close()
    await server.wait_closed()


async def test_https_on_a_listener_of_its_own(visit):
    async with visit(Settings(https=0, host_name="shop.example")) as visitor:
        answer = await visitor.get(visitor.site.https + "/about/")
        assert answer.status == 200
        arrival = (await visitor.arrivals())[0]
        assert arrival["scheme"] == "https"
        assert ["X-Forwarded-Proto", "https"] in arrival["headers"]
        port = int(visitor.site.https.rpartition(":")[2])
        pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["shop.example", "localhost"]


async def test_large_bodies_both_ways(visitor):
    answer = await visitor.ask("POST", "/lab?size=3000000&chunked=1", data=io.BytesIO(b"u" * 3_000_000))
    assert len(answer.body) == 3_000_000

    async def pieces():
        for _ in range(20):
            yield b"c" * 50_000

    assert (await visitor.ask("PUT", "/lab", data=pieces())).status == 200
    assert [arrival["body_length"] for arrival in await visitor.arrivals()] == [3_000_000, 1_000_000]


async def test_expect_continue_and_pipelining(visitor, connect):
    reader, writer = await connect(visitor.site.http)
    writer.write(b"POST /lab?body=first HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc" + b"GET http://h/lab?body=second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    answers = await reader.read()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert b"first" in answers
    assert answers.endswith(b"second")
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"ahoy\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
    ],
)
async def test_requests_that_are_not_http_are_refused(visitor, connect, request_bytes):
    reader, writer = await connect(visitor.site.http)
    writer.write(request_bytes)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.transport.abort()
    assert await visitor.arrivals() == []


async def test_an_upload_that_breaks_off(visitor, connect, until):
    _, writer = await connect(visitor.site.http)
    writer.write(b"POST /lab HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
    await until(lambda: has_body(visitor))
    writer.transport.abort()
    await until(lambda: is_at_rest(visitor))
    assert (await visitor.arrivals())[0]["body_length"] == 4


async def test_a_port_in_use_is_said_plainly():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CannotStart, match="choose another port"):
            async with running(Settings(http=taken.getsockname()[1])):
                pytest.fail("it cannot start")


async def test_a_balancer_without_its_node_gives_up(monkeypatch):
    monkeypatch.setattr("origin.running.PATIENCE_SECONDS", 0.1)
    with pytest.raises(CannotStart, match=r"start the nodes"):
        async with running(Settings(role="balancer", node_urls=("http://127.0.0.1:9",))):
            pytest.fail("it cannot start")


def test_the_pool_takes_turns_among_those_that_can():
    targets = [Target(name, f"http://{name}:1", healthy=True) for name in ("a", "b", "c")]
    pool = Pool(targets)
    targets[1].stopped = True
    assert [pool.choose(None, set()) for _ in range(4)] == [targets[0], targets[2]] * 2
    assert pool.choose("c", set()) is targets[2]
    assert pool.choose("b", {"http://a:1"}) is targets[2]
    assert pool.choose(None, {"http://a:1", "http://c:1"}) is None


class Socketless:
    """A writer that only knows its addresses."""

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return {"peername": ("10.0.0.9", 5000), "sockname": ("10.0.0.1", 443)}[name]


async def test_forwarded_fields_are_appended_to_the_last_line_of_their_name():
    lines = [b"Host: h", b"x-forwarded-for: 1.1.1.1", b"X-Forwarded-For: 2.2.2.2", b"X-Forwarded-Proto: http"]
    head = RequestHead(b"GET / HTTP/1.1", lines)
    client = Client(Inbox(), Socketless(), "https")  # type: ignore[arg-type]
    assert forwarded(head, client).split(b"\r\n")[1:-2] == [
        b"Host: h",
        b"x-forwarded-for: 1.1.1.1",
        b"X-Forwarded-For: 2.2.2.2, 10.0.0.9",
        b"X-Forwarded-Proto: http, https",
        b"X-Forwarded-Port: 443",
        b"X-Harbour-Via: https 10.0.0.9:5000",
    ]
    assert head.lines == lines


async def test_heads_that_end_early_or_are_none():
    inbox = Inbox()
    inbox.feed_data(b"HTTP/1.1 200 OK\r\nX")
    inbox.feed_eof()
    with pytest.raises(Malformed) as caught:
        await read_response(inbox)
    assert caught.value.seen == b"HTTP/1.1 200 OK\r\nX"
    empty = Inbox()
    empty.set_exception(ConnectionResetError())
    assert await read_request(empty) is None
    assert isinstance(empty.fault, ConnectionResetError)
    assert ResponseHead(b"HTTP/1.0 200 OK", []).keeps_alive is False
    assert ResponseHead(b"HTTP/1.1 200 OK", []).ends_by_closing is True
