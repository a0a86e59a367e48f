"""Policies of signed URLs and cookies: what they say, and whether it holds for a request (spec §10.2, §10.3)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

from edgesim.core.dates import format_date
from edgesim.core.reasons import Rejection

LATEST = 9_223_372_036_854_775_807
"""The largest Expires of a canned policy, seconds (spec §10.2)."""

MILLISECONDS = 100_000_000_000
"""A custom policy's time from here on, the year 5138, is taken for milliseconds and so malformed (spec §10.5 [sim])."""

YEAR_10000 = 253_402_300_800


class MalformedPolicy(ValueError):
    """The policy is not one CloudFront reads; the text says why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a signature does not let a viewer in: the reason, and what exactly, for its owner."""

    rejection: Rejection
    detail: str


@dataclass(frozen=True, slots=True)
class SignedPolicy:
    """What was signed. Times are seconds since the epoch; ``resource`` ``None`` is every URL."""

    until: int
    after: int | None = None
    resource: str | None = None
    network: IPv4Network | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A requested URL in its sections, without the parameters of the signature. ``query`` is "" without one."""

    scheme: str
    host: str
    path: str
    query: str

    @property
    def url(self) -> str:
        """All of it, as it is signed."""
        return f"{self.scheme}://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")


def canned_policy(url: str, expires: int | str) -> str:
    """The text that a URL signed with a canned policy has signed (spec §10.2, byte for byte)."""
    return f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'


def parse_policy(raw: bytes) -> SignedPolicy:
    """A custom policy's JSON; raises MalformedPolicy."""
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_twins)
    except MalformedPolicy:
        raise
    except (ValueError, RecursionError):
        raise MalformedPolicy("it is not JSON in UTF-8") from None
    (statements,) = _members(document, "the policy", ("Statement",), ())
    if not isinstance(statements, list) or len(statements) != 1:
        raise MalformedPolicy("Statement is not a list of one statement")
    condition, resource = _members(statements[0], "the statement", ("Condition",), ("Resource",))
    if resource is not None and (not isinstance(resource, str) or not resource):
        raise MalformedPolicy("Resource is not a text")
    until, after, source = _members(condition, "Condition", ("DateLessThan",), ("DateGreaterThan", "IpAddress"))
    return SignedPolicy(
        _seconds(until, "DateLessThan"),
        None if after is None else _seconds(after, "DateGreaterThan"),
        resource,
        None if source is None else _network(source),
    )


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedPolicy("a key is there twice")
    return found


def _members(value: object, what: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> list[Any]:
    """The values of an object with these keys and no others, absent optional ones as None."""
    if not isinstance(value, dict):
        raise MalformedPolicy(f"{what} is not an object")
    if missing := [name for name in needed if name not in value]:
        raise MalformedPolicy(f"{what} lacks {missing[0]}")
    if unknown := [name for name in value if name not in (*needed, *optional)]:
        raise MalformedPolicy(f"{what} has {unknown[0]!r}, which is no key of it (case counts)")
    if null := [name for name in value if value[name] is None]:
        raise MalformedPolicy(f"{null[0]} is null")
    return [value.get(name) for name in (*needed, *optional)]


def _seconds(value: object, what: str) -> int:
    (time,) = _members(value, what, ("AWS:EpochTime",), ())
    if not isinstance(time, int) or isinstance(time, bool) or time < 0:
        raise MalformedPolicy(f"AWS:EpochTime of {what} is not a whole number without quotes")
    if time >= MILLISECONDS:
        raise MalformedPolicy(f"AWS:EpochTime of {what} is {time}: milliseconds, not seconds")
    return time


def _network(value: object) -> IPv4Network:
    (source,) = _members(value, "IpAddress", ("AWS:SourceIp",), ())
    try:
        return IPv4Network(source if isinstance(source, str) else "", strict=False)
    except ValueError:
        raise MalformedPolicy(f"AWS:SourceIp {source!r} is no IPv4 address or network a.b.c.d/nn") from None


# Whether it holds


def broken_condition(policy: SignedPolicy, asked: list[Asked], now: float, address: str) -> Refusal | None:
    """The first condition a request does not meet. ``asked``: the ways to write its URL; ``address``: the viewer's."""
    if policy.resource is not None and not any(covers(policy.resource, one) for one in asked):
        return Refusal(Rejection.OTHER_RESOURCE, f"Resource {policy.resource} does not match {asked[0].url}")
    if now >= policy.until:
        return Refusal(Rejection.NO_LONGER, f"it expired {span(now - policy.until)} ago, at {moment(policy.until)}")
    if policy.after is not None and int(now) <= policy.after:
        left = span(policy.after + 1 - now)
        return Refusal(Rejection.NOT_YET, f"it holds in {left}, after {moment(policy.after)}")
    if policy.network is not None and not _inside(address, policy.network):
        return Refusal(Rejection.OTHER_ADDRESS, f"the viewer's address {address} is outside {policy.network}")
    return None


def _inside(address: str, network: IPv4Network) -> bool:
    try:
        found: IPv4Address | IPv6Address | None = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped
    return found is not None and found in network


def moment(seconds: int) -> str:
    """A time in words; the number itself where no calendar goes that far."""
    return format_date(seconds) if seconds < YEAR_10000 else str(seconds)


def span(seconds: float) -> str:
    """A time span in the unit that suits it."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


# Resources

_SCHEME = re.compile(r"([A-Za-z*?]*)://")


def covers(resource: str, asked: Asked) -> bool:
    """Whether a policy's Resource is for a URL; wildcards keep to their section, but for a last one (spec §10.3)."""
    if resource == "*":
        return True
    found = _SCHEME.match(resource)
    if found is None and not resource.startswith("*"):
        return False
    scheme, rest = ("*", resource) if found is None else (found[1], resource[found.end() :])
    if not matches(scheme.lower(), asked.scheme):
        return False
    host, slash, tail = rest.partition("/")
    if not slash and host.endswith("*"):
        return matches(host.lower(), asked.host.lower())
    if not matches(host.lower(), asked.host.lower()):
        return False
    return _covers_tail(slash + tail or "/", asked)


def _covers_tail(pattern: str, asked: Asked) -> bool:
    """Path and query: a ``?`` of the pattern is the query's mark or stands for one character, whichever fits."""
    escaped = pattern.find("\\?")
    if escaped >= 0:
        return _split_matches(pattern[:escaped], pattern[escaped + 2 :].replace("\\?", "?"), asked)
    if matches(pattern, asked.path) and (not asked.query or pattern.endswith("*")):
        return True
    marks = [index for index, char in enumerate(pattern) if char == "?"]
    return any(_split_matches(pattern[:index], pattern[index + 1 :], asked) for index in marks)


def _split_matches(path: str, query: str, asked: Asked) -> bool:
    return bool(asked.query) and matches(path, asked.path) and matches(query, asked.query)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a whole text: ``*`` is any run of characters, ``?`` exactly one."""
    at = start = mark = 0
    star = -1
    while at < len(text):
        if start < len(pattern) and pattern[start] == "*":
            star, mark, start = start, at, start + 1
        elif start < len(pattern) and pattern[start] in ("?", text[at]):
            at, start = at + 1, start + 1
        elif star >= 0:
            mark += 1
            at, start = mark, star + 1
        else:
            return False
    return not pattern[start:].strip("*")
