"""The walk of the README: a viewer in Sydney sees Miss become Hit, a day passes, an edge stops."""

from __future__ import annotations

import re
import threading

import pytest
from live_worlds import World

pytestmark = pytest.mark.live

PICTURE = "/wp-content/uploads/harbour.jpg"


def test_a_miss_becomes_a_hit_and_the_distance_is_felt(demo: World) -> None:
    miss = demo.get(PICTURE, place="Sydney")
    hit = demo.get(PICTURE, place="Sydney")
    assert (miss.status, miss.outcome) == (200, "Miss from cloudfront")
    assert (hit.status, hit.outcome) == (200, "Hit from cloudfront")
    assert miss.pop.startswith("SYD")
    assert hit.pop == miss.pop
    assert "age" not in miss.headers
    assert int(hit.headers["age"]) >= 0
    assert miss.body == hit.body
    assert hit.headers["date"] == miss.headers["date"]
    # Sydney to Virginia is 200 ms by the measured matrix; a hit is the last mile
    assert 0.19 < miss.seconds < 0.6
    assert hit.seconds < 0.08


def test_every_edge_has_its_own_cache(demo: World) -> None:
    demo.get(PICTURE, place="Tokyo")
    london = demo.get(PICTURE, place="London")
    assert london.outcome == "Miss from cloudfront"
    assert london.pop.startswith("LHR")


def test_what_every_response_carries(demo: World) -> None:
    got = demo.get("/", place="Frankfurt")
    assert re.fullmatch(r"[\w-]{54}==", got.id)
    assert re.fullmatch(r"1\.1 [0-9a-f]{32}\.cloudfront\.net \(CloudFront\)", got.headers["via"])
    assert re.fullmatch(r"FRA\d+(-[CPE]\d+)?", got.pop)
    assert got.headers["cache-status"].count("fwd=") == 2


def test_the_next_nearest_edge_answers_when_one_stops(demo: World) -> None:
    first = demo.get(PICTURE, place="Singapore")
    demo.ask(f"edges/{first.pop}", {"state": "stopped"})
    try:
        second = demo.get(PICTURE, place="Singapore")
    finally:
        demo.ask(f"edges/{first.pop}", {"state": "up"})
    assert first.pop.startswith("SIN")
    assert second.status == 200
    assert second.pop != first.pop
    assert demo.get(PICTURE, place="Singapore").pop == first.pop


def test_a_day_later_the_origin_is_asked_whether_it_changed(demo: World) -> None:
    demo.get(PICTURE, place="Mumbai")
    demo.ask("clock", {"advance": 25 * 3600})
    later = demo.get(PICTURE, place="Mumbai")
    assert later.outcome == "RefreshHit from cloudfront"
    assert demo.get(PICTURE, place="Mumbai").outcome == "Hit from cloudfront"
    told = demo.ask(f"explain/{later.id}")
    assert "304" in told["text"]


def test_an_invalidation_makes_a_miss(demo: World) -> None:
    demo.get(PICTURE, place="Dubai")
    assert demo.get(PICTURE, place="Dubai").outcome == "Hit from cloudfront"
    demo.ask("invalidations", {"paths": ["/wp-content/*"]})
    assert demo.get(PICTURE, place="Dubai").outcome == "Miss from cloudfront"


def test_an_unknown_place_is_said_to_be_unknown(demo: World) -> None:
    got = demo.get("/", place="Sidney")
    assert got.status == 400
    assert b"Sydney" in got.body


def test_tls_by_alias(demo: World) -> None:
    got = demo.get("/", tls=True)
    assert got.status == 200


def test_five_hundred_viewers_of_one_cold_url_reach_the_origin_once(quick: World) -> None:
    got: list[str] = []
    path = "/lab?size=20000&delay=0.5&cache-control=max-age%3D60&counter=1"
    gate = threading.Barrier(100)

    def viewer() -> None:
        gate.wait()
        for _ in range(5):
            answer = quick.get(path, place="Paris")
            got.append(answer.body[:20].decode("latin-1").split("\n")[0])

    threads = [threading.Thread(target=viewer) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 500
    assert len(set(got)) == 1


def test_five_hundred_at_the_same_moment(quick: World) -> None:
    """All connected and sent before the origin answers."""
    import socket

    path = "/lab?size=1000&delay=1.5&cache-control=max-age%3D60&etag=once"
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Edgesim-Location: Lyon\r\nConnection: close\r\n\r\n".encode()
    )
    socks = [socket.create_connection(("127.0.0.1", quick.http), 20) for _ in range(500)]
    try:
        for sock in socks:
            sock.sendall(request)
        answers = []
        for sock in socks:
            data = b""
            while piece := sock.recv(65536):
                data += piece
            answers.append(data)
    finally:
        for sock in socks:
            sock.close()
    outcomes = [re.search(rb"X-Cache: (\w+)", answer)[1] for answer in answers]  # type: ignore[index]
    assert outcomes.count(b"Miss") == 1
    assert outcomes.count(b"Hit") == 499
