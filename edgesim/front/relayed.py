"""A viewer's request on its way from the front door to an edge in another process: what the edge could not see itself.

It travels in two header fields, which carry a seal made with the world's shared token (HMAC-SHA256). The token itself
is never sent, and fields without a good seal are not believed.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, fields, replace

from cachetools import LRUCache
from multidict import CIMultiDict, CIMultiDictProxy

from edgesim.core.entrance import Routed
from edgesim.core.latency import REMEMBERED
from edgesim.core.messages import Field, Headers
from edgesim.core.routing import Choice
from edgesim.errors import EdgesimError
from edgesim.observe.wire_verdict import NotAVerdict, decode_value, encode_value
from edgesim.tls.facts import TlsFacts
from edgesim.wire.incoming import Incoming

FACTS_HEADER = "X-Edgesim-Relay"
CHOICE_HEADER = "X-Edgesim-Relay-Choice"
RELAY_HEADERS = frozenset({FACTS_HEADER.lower(), CHOICE_HEADER.lower()})

_PERSISTENCE = frozenset({"close", "keep-alive"})


class NotSealed(EdgesimError):
    """A relayed request without the seal of the shared token."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the front door knows. ``head_bytes`` is the size of the head as the viewer sent it."""

    routed: Routed
    scheme: str
    version: tuple[int, int]
    head_bytes: int
    requests_on_connection: int
    tls: TlsFacts | None


@dataclass(slots=True, kw_only=True)
class Relayed(Incoming):
    """A request whose way has been decided already."""

    routed: Routed


def decided(incoming: Incoming, routed: Routed) -> Relayed:
    """A request of this process, with its way."""
    return Relayed(**{one.name: getattr(incoming, one.name) for one in fields(Incoming)}, routed=routed)


class Seal:
    """Sends facts along with requests, and reads them. One per process; remembers how the last choices are written."""

    def __init__(self, token: str) -> None:
        self._key = token.encode()
        self._written: LRUCache[int, tuple[Choice, str]] = LRUCache(REMEMBERED)
        self._read: LRUCache[str, Choice] = LRUCache(REMEMBERED)

    def headers(self, incoming: Incoming, routed: Routed) -> list[Field]:
        """The fields to send to the edge: the viewer's own in order, and the facts."""
        visitor = routed.visitor
        bare = replace(routed, visitor=replace(visitor, choice=None))
        tls = incoming.tls if isinstance(incoming.tls, TlsFacts) else None
        facts = Facts(
            bare, incoming.scheme, incoming.version, incoming.head_bytes, incoming.requests_on_connection, tls
        )
        text = json.dumps(encode_value(Facts, facts), separators=(",", ":"))
        choice = self._choice_text(visitor.choice) if visitor.choice is not None else ""
        sealed = [(FACTS_HEADER, f"{self._mac(text, choice)} {text}")]
        if choice:
            sealed.append((CHOICE_HEADER, choice))
        return _passed_on(incoming.headers) + sealed

    def open(self, incoming: Incoming) -> Relayed:
        """The request as the viewer sent it to the front door; raises NotSealed."""
        headers = incoming.headers
        mac, _, text = headers.get(FACTS_HEADER, "").partition(" ")
        choice = headers.get(CHOICE_HEADER, "")
        if not text or not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(text, choice).encode()):
            raise NotSealed("the request does not carry the seal of the shared token")
        try:
            facts = decode_value(Facts, json.loads(text))
            routed = self._with_choice(facts.routed, choice)
        except (NotAVerdict, ValueError) as error:
            raise NotSealed(f"the sealed facts are of another edgesim: {error}") from None
        own = CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in RELAY_HEADERS)
        relayed = decided(incoming, routed)
        relayed.headers = CIMultiDictProxy(own)
        relayed.version, relayed.scheme, relayed.tls = facts.version, facts.scheme, facts.tls
        relayed.peer = (routed.visitor.address, routed.visitor.port)
        relayed.head_bytes, relayed.raw_head = facts.head_bytes, None
        relayed.requests_on_connection, relayed.label = facts.requests_on_connection, routed.pop
        return relayed

    def _choice_text(self, choice: Choice) -> str:
        known = self._written.get(id(choice))
        if known is None:
            text = json.dumps(encode_value(Choice, choice), separators=(",", ":"))
            known = self._written[id(choice)] = (choice, text)  # with the choice, or its id could be another's
        return known[1]

    def _with_choice(self, routed: Routed, text: str) -> Routed:
        if not text:
            return routed
        choice = self._read.get(text)
        if choice is None:
            choice = self._read[text] = decode_value(Choice, json.loads(text))
        return replace(routed, visitor=replace(routed.visitor, choice=choice))

    def _mac(self, facts: str, choice: str) -> str:
        return hmac.digest(self._key, f"{facts}\n{choice}".encode(), "sha256").hex()


def _passed_on(headers: Headers) -> list[Field]:
    """All the viewer's fields but those that end at the front door: its connection's persistence, its Expect (which
    the front door answers), and any attempt to pass for us."""
    kept: list[Field] = []
    for name, value in headers.items():
        lower = name.lower()
        if lower in RELAY_HEADERS or lower == "expect":
            continue
        if lower == "connection":
            rest = [token.strip() for token in value.split(",") if token.strip().lower() not in _PERSISTENCE]
            if any(rest):
                kept.append((name, ", ".join(rest)))
            continue
        kept.append((name, value))
    return kept
