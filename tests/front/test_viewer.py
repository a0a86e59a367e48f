from __future__ import annotations

from ipaddress import ip_network
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.front.viewer import REMEMBERED, PlaceSource, ViewerLocator
from edgesim.world.gazetteer import Gazetteer, UnknownPlace

GAZETTEER = Gazetteer.load()
LONDON, TOKYO, PARIS, LIMA = (GAZETTEER.find(name) for name in ("London", "Tokyo", "Paris", "Lima"))


@pytest.fixture(scope="module")
def locator() -> ViewerLocator:
    return ViewerLocator(
        GAZETTEER,
        [
            (ip_network("10.0.0.0/8"), TOKYO),
            (ip_network("10.1.0.0/16"), PARIS),
            (ip_network("10.1.2.3/32"), LIMA),
            (ip_network("2001:db8::/32"), TOKYO),
            (ip_network("2001:db8:1::/48"), PARIS),
            (ip_network("::ffff:192.168.0.0/112"), LIMA),
        ],
        LONDON,
    )


def test_the_header_comes_first(locator: ViewerLocator) -> None:
    viewer = locator.locate("Sydney", "Tokyo", "1.1.1.1", "127.0.0.1")
    assert (viewer.place.code, viewer.source) == ("SYD", PlaceSource.HEADER)
    assert viewer.address == "1.1.1.1"


def test_an_unknown_header_is_refused_with_suggestions_every_time(locator: ViewerLocator) -> None:
    caught = []
    for _ in range(2):
        with pytest.raises(UnknownPlace) as refusal:
            locator.locate("Sydny", None, None, "127.0.0.1")
        caught.append(refusal.value)
    assert caught[0] is not caught[1]
    assert str(caught[0]) == str(caught[1])
    assert "Sydney" in caught[1].suggestions


@pytest.mark.parametrize("encoded", ["São Paulo", quote("São Paulo"), "-33.87%2C151.21", "AU"])
def test_the_cookie_comes_next_and_is_percent_decoded(locator: ViewerLocator, encoded: str) -> None:
    viewer = locator.locate(None, encoded, None, "10.0.0.1")
    assert viewer.source is PlaceSource.COOKIE
    assert viewer.place.country in {"BR", "AU"}


def test_an_unknown_cookie_is_passed_over_with_a_note(locator: ViewerLocator) -> None:
    viewer = locator.locate(None, "Atlantis%FF", None, "10.0.0.1")
    assert (viewer.place, viewer.source) == (TOKYO, PlaceSource.CONFIGURED_NETWORK)
    assert viewer.note.startswith("cookie passed over: unknown place")


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_fields_say_nothing(locator: ViewerLocator, blank: str) -> None:
    assert locator.locate(blank, blank, blank, "10.0.0.1").source is PlaceSource.CONFIGURED_NETWORK


@pytest.mark.parametrize(
    ("peer", "place"),
    [
        ("10.9.9.9", TOKYO),
        ("10.1.9.9", PARIS),
        ("10.1.2.3", LIMA),
        ("::ffff:10.1.9.9", PARIS),
        ("2001:db8:ffff::1", TOKYO),
        ("2001:DB8:1::1", PARIS),
        ("2001:db8:1::1%eth0", PARIS),
        ("192.168.7.7", LIMA),
    ],
)
def test_the_longest_configured_prefix_counts(locator: ViewerLocator, peer: str, place: object) -> None:
    viewer = locator.locate(None, None, None, peer)
    assert (viewer.place, viewer.source) == (place, PlaceSource.CONFIGURED_NETWORK)


def test_a_network_of_everything_is_a_network() -> None:
    everywhere = ViewerLocator(GAZETTEER, [(ip_network("0.0.0.0/0"), PARIS), (ip_network("::/0"), LIMA)], LONDON)
    assert everywhere.locate(None, None, None, "1.1.1.1").place is PARIS
    assert everywhere.locate(None, None, None, "::1").place is LIMA


@pytest.mark.parametrize(("peer", "country"), [("1.1.1.1", "AU"), ("2001:4860:4860::8888", "US")])
def test_then_the_country_of_the_address(locator: ViewerLocator, peer: str, country: str) -> None:
    viewer = locator.locate(None, None, None, peer)
    assert (viewer.place, viewer.source) == (GAZETTEER.country_place(country), PlaceSource.COUNTRY_DATABASE)


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "203.0.113.9", "", "unix:/run/edge", "fe80::1%lo"])
def test_else_the_default_with_a_note(locator: ViewerLocator, peer: str) -> None:
    viewer = locator.locate(None, None, None, peer)
    assert (viewer.place, viewer.source) == (LONDON, PlaceSource.DEFAULT)
    assert viewer.note


def test_a_country_without_a_city_is_noted(locator: ViewerLocator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gazetteer, "country_of_ip", lambda self, ip: "BV")
    viewer = ViewerLocator(GAZETTEER, [], LONDON).locate(None, None, None, "1.1.1.1")
    assert viewer.source is PlaceSource.DEFAULT
    assert viewer.note == "1.1.1.1 is in BV, of which no city is on record"


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("1.1.1.1", "1.1.1.1"),
        ("8.8.8.8, 1.1.1.1", "1.1.1.1"),
        ("1.1.1.1, unknown", "1.1.1.1"),
        ("1.1.1.1, , ,", "1.1.1.1"),
        ("1.1.1.1:4711", "1.1.1.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("::ffff:1.1.1.1", "1.1.1.1"),
        ("junk", "127.0.0.1"),
        ("[", "127.0.0.1"),
        ("1.1.1.1" + ", x" * 10_000, "127.0.0.1"),
    ],
)
def test_from_loopback_the_last_forwarded_address_counts(
    locator: ViewerLocator, forwarded_for: str, address: str
) -> None:
    viewer = locator.locate(None, None, forwarded_for, "127.0.0.1")
    assert viewer.address == address
    assert ("no address in it" in viewer.note) == (address == "127.0.0.1")


@pytest.mark.parametrize("peer", ["::1", "::ffff:127.0.0.1", "127.8.8.8"])
def test_every_loopback_is_loopback(locator: ViewerLocator, peer: str) -> None:
    assert locator.locate(None, None, "1.1.1.1", peer).address == "1.1.1.1"


def test_nobody_else_may_forward(locator: ViewerLocator) -> None:
    viewer = locator.locate(None, None, "1.1.1.1", "10.0.0.1")
    assert (viewer.address, viewer.place) == ("10.0.0.1", TOKYO)
    assert viewer.note == "X-Forwarded-For passed over: the peer is not loopback"


@given(
    st.none() | st.text(max_size=60),
    st.none() | st.text(alphabet='0123456789abcdef:.,[]%" ', max_size=80) | st.text(max_size=80),
    st.sampled_from(["127.0.0.1", "::1"]) | st.text(max_size=40),
)
def test_cookies_forwarded_addresses_and_peers_never_raise(
    cookie: str | None, forwarded_for: str | None, peer: str
) -> None:
    viewer = ViewerLocator(GAZETTEER, [], LONDON).locate(None, cookie, forwarded_for, peer)
    assert viewer.place.name


def test_answers_are_remembered_for_a_bounded_number_of_questions() -> None:
    locator = ViewerLocator(GAZETTEER, [], LONDON)
    assert locator.locate(None, None, None, "1.1.1.1") is locator.locate(None, None, None, "1.1.1.1")
    for number in range(REMEMBERED + 10):
        locator.locate(None, None, None, f"10.0.{number // 256}.{number % 256}")
    assert len(locator._known) == REMEMBERED


def test_a_long_question_is_answered_and_forgotten() -> None:
    locator = ViewerLocator(GAZETTEER, [], LONDON)
    locator.locate(None, None, "x" * 10_000 + ", 1.1.1.1", "127.0.0.1")
    assert len(locator._known) == 0
