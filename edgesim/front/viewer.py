"""Where a viewer is: as told by the request, or else as its address suggests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

from cachetools import LRUCache

from edgesim.core.places import Place
from edgesim.world.gazetteer import Gazetteer, UnknownPlace

LOCATION_HEADER = "X-Edgesim-Location"
LOCATION_COOKIE = "edgesim-location"
REMEMBERED = 4096  # questions whose answers are kept
LONGEST_REMEMBERED = 512  # characters of a question; longer ones are rare and would let a stranger fill the memory
HOPS_READ = 64  # addresses of X-Forwarded-For, from the right

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")


class PlaceSource(Enum):
    """What said where the viewer is."""

    HEADER = "the X-Edgesim-Location header"
    COOKIE = "the edgesim-location cookie"
    CONFIGURED_NETWORK = "a configured network"
    COUNTRY_DATABASE = "the country database"
    DEFAULT = "the configured default"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A viewer's place, what said so, and the address it would otherwise have been told by.

    ``note`` says what was looked at and not used, "" when there is nothing to say.
    """

    place: Place
    source: PlaceSource
    address: str
    note: str = ""


class ViewerLocator:
    """Locates viewers, and remembers a bounded number of answers.

    ``networks`` are tried from the longest prefix to the shortest; of two equal ones the later counts.
    """

    def __init__(self, gazetteer: Gazetteer, networks: Sequence[tuple[Network, Place]], default: Place) -> None:
        self._gazetteer = gazetteer
        self._networks = _by_prefix(networks)
        self._default = default
        self._known: LRUCache[tuple[str | None, ...], Viewer | UnknownPlace] = LRUCache(REMEMBERED)

    def locate(self, header: str | None, cookie: str | None, forwarded_for: str | None, peer: str) -> Viewer:
        """The place of the viewer whose request has these three field values and comes from ``peer``.

        ``cookie`` is the value of the one cookie, still percent-encoded. Raises ``UnknownPlace`` for a header that
        names no place; a cookie that names none is passed over with a note.
        """
        question = (header, cookie, forwarded_for, peer)
        answer = self._known.get(question)
        if answer is None:
            answer = self._answer(*question)
            if sum(len(part) for part in question if part) <= LONGEST_REMEMBERED:
                self._known[question] = answer
        if isinstance(answer, UnknownPlace):
            raise UnknownPlace(answer.text, answer.suggestions, answer.why)  # afresh: a traceback grows when re-raised
        return answer

    def _answer(
        self, header: str | None, cookie: str | None, forwarded_for: str | None, peer: str
    ) -> Viewer | UnknownPlace:
        notes: list[str] = []
        address = _viewer_address(forwarded_for, peer, notes)
        written = str(address) if address else peer
        try:
            if header and header.strip():
                return Viewer(self._gazetteer.find(header), PlaceSource.HEADER, written, "; ".join(notes))
        except UnknownPlace as unknown:
            return unknown.with_traceback(None)  # remembered, and must not keep the frames alive
        try:
            if cookie and cookie.strip():
                return Viewer(self._gazetteer.find(unquote(cookie)), PlaceSource.COOKIE, written, "; ".join(notes))
        except UnknownPlace as unknown:
            notes.append(f"cookie passed over: {unknown}")
        place, source = self._by_address(address, notes)
        return Viewer(place, source, written, "; ".join(notes))

    def _by_address(self, address: Address | None, notes: list[str]) -> tuple[Place, PlaceSource]:
        if address is None:
            notes.append("the peer has no address")
            return self._default, PlaceSource.DEFAULT
        for length, places in self._networks[address.version]:
            place = places.get(int(address) >> (address.max_prefixlen - length))
            if place is not None:
                return place, PlaceSource.CONFIGURED_NETWORK
        country = self._gazetteer.country_of_ip(str(address))
        if country is None:
            notes.append(f"{address} is in no configured network and no country")
            return self._default, PlaceSource.DEFAULT
        try:
            return self._gazetteer.country_place(country), PlaceSource.COUNTRY_DATABASE
        except UnknownPlace:
            notes.append(f"{address} is in {country}, of which no city is on record")
            return self._default, PlaceSource.DEFAULT


def _viewer_address(forwarded_for: str | None, peer: str, notes: list[str]) -> Address | None:
    """The peer, or for a loopback peer the last address of X-Forwarded-For, the one the nearest proxy saw itself."""
    address = _address(peer)
    if address is None or forwarded_for is None:
        return address
    if not address.is_loopback:
        notes.append("X-Forwarded-For passed over: the peer is not loopback")
        return address
    last = next(_addresses_from_the_right(forwarded_for), None)
    if last is None:
        notes.append("X-Forwarded-For passed over: no address in it")
    return last or address


def _addresses_from_the_right(forwarded_for: str) -> Iterator[Address]:
    for hop in reversed(forwarded_for.rsplit(",", HOPS_READ)):
        if address := _address(_without_port(hop.strip(' \t"'))):
            yield address


def _without_port(hop: str) -> str:
    """``192.0.2.1:80`` and ``[2001:db8::1]:80`` are how some proxies write a hop."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _address(text: str) -> Address | None:
    """An address, IPv4 when it is IPv4 mapped into IPv6, without an IPv6 zone; None when the text is not one."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _by_prefix(networks: Sequence[tuple[Network, Place]]) -> dict[int, list[tuple[int, dict[int, Place]]]]:
    """By IP version, then by prefix length from the longest: the places by the bits of the prefix."""
    tables: dict[int, dict[int, dict[int, Place]]] = {4: {}, 6: {}}
    for written, place in networks:
        network = _unmapped(written)
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        tables[network.version].setdefault(network.prefixlen, {})[bits] = place
    return {version: sorted(table.items(), reverse=True) for version, table in tables.items()}


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network
