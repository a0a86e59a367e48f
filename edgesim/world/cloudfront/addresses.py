"""Where the domain name of an origin leads on this machine (spec §14): nowhere, unless something says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from edgesim.core.behaviors import Origin, OriginProtocol
from edgesim.world.compiling import SiteAddress
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.origins import RESOLVE, SiteSection

_REGION = re.compile(r"[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.")
USUAL_PLACE = "us-east-1"


@dataclass(frozen=True, slots=True)
class Way:
    """How an origin is reached. ``address`` is empty where its name leads nowhere; a port or protocol of None is the
    document's own."""

    address: str
    http_port: int | None = None
    https_port: int | None = None
    protocol: OriginProtocol | None = None
    place: str = USUAL_PLACE
    verify: bool = True
    simulated_clock: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """What is known of origins' names.

    ``given`` are URLs (or ``resolve``) by lower-case name, of the documents and the world file; ``site`` and
    ``site_address`` the toy site; ``origins`` what the world file defines.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    site: SiteSection | None = None
    site_address: SiteAddress = field(default_factory=SiteAddress)
    origins: tuple[Origin, ...] = ()

    def find(self, domain: str, ports: tuple[int, int]) -> Way:
        """The way to a name; ``ports`` are the document's for HTTP and HTTPS.

        In this order: what was given for it; the toy site; an origin of the world file with this name and these ports;
        loopback; an origin of the world file with this name.
        """
        name = domain.lower().removesuffix(".")
        if (url := self.given.get(name)) is not None:
            return Way(domain, place=region_of(name)) if url == RESOLVE else _by_url(url, region_of(name))
        if self.site is not None and name == self.site.domain.lower():
            return self._toy(self.site)
        named = [one for one in self.origins if one.domain.lower() == name]
        exact = (one for one in named if ports == (one.http_port, one.https_port))
        if known := next(exact, None):
            return _as(known)
        if is_loopback(name):
            return Way(name.strip("[]") if _is_ip(name) else "127.0.0.1")
        return _as(named[0]) if named else Way("", place=region_of(name))

    def _toy(self, site: SiteSection) -> Way:
        at = self.site_address
        only = None if site.https else OriginProtocol.HTTP_ONLY
        return Way(at.address, at.http_port, at.https_port, only, site.place, simulated_clock=self._simulated(site))

    def _simulated(self, site: SiteSection) -> bool:
        """Whether the world file says that the toy site's dates follow the simulated clock."""
        return any(one.simulated_clock for one in self.origins if one.domain == site.domain)


def _as(origin: Origin) -> Way:
    return Way(
        origin.address,
        origin.http_port,
        origin.https_port,
        origin.protocol,
        origin.place,
        origin.verify,
        origin.simulated_clock,
    )


def _by_url(url: str, place: str) -> Way:
    """A URL says how to connect: address, port, and whether with TLS."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return Way(host, None, parts.port or 443, OriginProtocol.HTTPS_ONLY, place)
    return Way(host, parts.port or 80, None, OriginProtocol.HTTP_ONLY, place)


def is_loopback(name: str) -> bool:
    """True for localhost, the names under it, and the loopback addresses."""
    if _is_ip(name):
        return ip_address(name.strip("[]")).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _is_ip(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def region_of(name: str) -> str:
    """The AWS region in the name of one of its endpoints; us-east-1 for every other name."""
    found: Iterable[str] = _REGION.findall(name) if name.endswith((".amazonaws.com", ".on.aws")) else ()
    return next((region for region in found if region in Gazetteer.load().regions), USUAL_PLACE)
