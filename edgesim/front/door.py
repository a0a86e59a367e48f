"""The front door: finds the viewer's place and chooses the nearest edge that is up and in the price class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_network

from edgesim.core.behaviors import Distribution
from edgesim.core.entrance import Routed
from edgesim.core.messages import Headers, Request, listed
from edgesim.core.reasons import Rejection
from edgesim.core.routing import Choice, Exclusion, Routes
from edgesim.core.verdict import Visitor
from edgesim.front.viewer import LOCATION_COOKIE, LOCATION_HEADER, LONGEST_REMEMBERED, REMEMBERED, Viewer, ViewerLocator
from edgesim.world.gazetteer import Gazetteer, UnknownPlace
from edgesim.world.models import FrontSection
from edgesim.world.state import World

EDGE_HEADER = "X-Edgesim-Edge"
EVERYWHERE = "PriceClass_All"


class FrontDoor:
    """Routes requests. ``edge_ports`` are each edge's own (http, https) ports in redirect mode, 0 where it has none."""

    def __init__(self, gazetteer: Gazetteer, world: World, routes: Callable[[], Routes]) -> None:
        self._gazetteer = gazetteer
        self._routes = routes
        self._known: dict[tuple[object, ...], Routed] = {}
        self._known_for: Routes | None = None
        self.edge_ports: Mapping[str, tuple[int, int]] = {}
        self.update(world)

    def update(self, world: World) -> None:
        """Take over a changed World."""
        before = getattr(self, "_world", None)
        self._world = world
        self._known.clear()
        self._down = world.down
        if before is None or before.file.front != world.file.front:
            self._locator = _locator(self._gazetteer, world.file.front)

    def route(
        self, request: Request, distribution: Distribution | None, peer: tuple[str, int], own: str = ""
    ) -> Routed:
        """The edge for a request from ``peer``. ``own`` is the edge whose own port it came in by, "" at the front."""
        headers = request.headers
        pinned = own or headers.get(EDGE_HEADER)
        price_class = distribution.price_class if distribution is not None else EVERYWHERE
        told = (headers.get(LOCATION_HEADER), location_cookie(headers), listed(headers, "X-Forwarded-For"))
        routes = self._routes()
        if routes is not self._known_for or len(self._known) >= REMEMBERED:
            self._known_for = routes
            self._known.clear()
        question = (*told, peer, pinned, price_class)
        routed = self._known.get(question)
        if routed is None:
            routed = self._decide(told, peer, pinned, routes, price_class)
            if routed.rejection is None and sum(len(part) for part in told if part) <= LONGEST_REMEMBERED:
                self._known[question] = routed
        if routed.pop and not own and self._world.file.front.mode == "redirect":
            return replace(routed, redirect=self._own_url(request, routed.pop))
        return routed

    def _decide(
        self,
        told: tuple[str | None, str | None, str | None],
        peer: tuple[str, int],
        pinned: str | None,
        routes: Routes,
        price_class: str,
    ) -> Routed:
        """The answer to everything that it depends on; the same until the World changes."""
        try:
            viewer = self._locator.locate(*told, peer[0])
        except UnknownPlace as unknown:
            detail = f"{LOCATION_HEADER}: {unknown}"
            return Routed("", Visitor(peer[0], peer[1]), rejection=Rejection.UNKNOWN_PLACE, detail=detail)
        if pinned is not None and pinned not in self._world.edges:
            return Routed("", _visitor(viewer, peer), rejection=Rejection.UNKNOWN_EDGE, detail=self._nearest(pinned))
        choice = routes.choose(viewer.place, price_class, self._down, pinned)
        visitor = _visitor(viewer, peer, choice)
        if choice.pop is None:
            return Routed("", visitor, rejection=Rejection.NO_EDGE, status=503, detail=_why_none(choice, pinned))
        return Routed(choice.pop, visitor, choice.rtt_ms, place=viewer.place)

    def _nearest(self, name: str) -> str:
        close = get_close_matches(name.upper(), self._world.edges, 3, 0.4)
        hint = f"Did you mean {', '.join(close)}?" if close else f"This world has {len(self._world.edges)} edges."
        return f"{EDGE_HEADER}: no edge {name[:40]!r}. {hint}"

    def _own_url(self, request: Request, pop: str) -> str:
        ports = self.edge_ports.get(pop)
        if ports is None:
            return ""
        host = request.headers.get("Host", "127.0.0.1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        port = ports[1] if request.scheme == "https" else ports[0]
        if not port:
            return ""
        return f"{request.scheme}://{name}:{port}{request.target}"


def location_cookie(headers: Headers) -> str | None:
    """The dashboard's cookie that places the viewer, still percent-encoded."""
    for line in headers.getall("Cookie", ()):
        if LOCATION_COOKIE in line:
            try:
                morsel = SimpleCookie(line).get(LOCATION_COOKIE)
            except CookieError:
                return None
            if morsel is not None:
                return morsel.coded_value
    return None


def _visitor(viewer: Viewer, peer: tuple[str, int], choice: Choice | None = None) -> Visitor:
    place = viewer.place
    return Visitor(peer[0], peer[1], place.name, place.country, viewer.source.name, viewer.note, choice)


def _why_none(choice: Choice, pinned: str | None) -> str:
    if pinned is not None:
        found = [one.excluded for one in choice.candidates if one.pop == pinned and one.excluded is not None]
        reason: Exclusion | None = found[0] if found else None
        return f"Edge {pinned}: {reason.value if reason is not None else 'not in this world'}."
    return "Every edge is stopped, cut off, or outside the price class."


def _locator(gazetteer: Gazetteer, front: FrontSection) -> ViewerLocator:
    networks = [(ip_network(rule.cidr), gazetteer.find(rule.place)) for rule in front.networks]
    return ViewerLocator(gazetteer, networks, gazetteer.find(front.default_place))
