"""Scenarios: what a cache has to do, written as data and run against the core in virtual time and a live edge.

A file of ``tests/scenarios`` is a list of cases. A case has an ``id``, the sections it ``covers``, settings
(``behavior``, ``behaviors``, ``distribution``, ``origins``, ``groups`` in the words of a world file; ``world`` for what
concerns all of it) and ``steps``. A step lets time pass (``after``), gives the origin orders (``origin``, in force
until the next), invalidates, or asks: ``get: /path``, or ``ask: POST /path`` with ``headers``, ``version``, ``body``;
``together: 50`` asks as often at once. ``sign`` signs the URL first (``signing.orders`` says how; behaviours trust
``trusted_key_groups: [viewers]``, and ``url`` in it is another URL than the one asked for). ``expect`` says what is to
be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from multidict import CIMultiDict

from edgesim.core.verdict import Verdict
from support.script import Arrived, at_moment
from support.signing import KEY_ID, OTHER_ID, ecdsa_key, orders, public_pem, rsa_key

HERE = Path(__file__).parent.parent / "scenarios"
CASE_KEYS = {"id", "covers", "behavior", "behaviors", "distribution", "origins", "groups", "world", "steps", "note"}
STEP_KEYS = {
    "get",
    "ask",
    "headers",
    "version",
    "body",
    "together",
    "after",
    "origin",
    "invalidate",
    "expect",
    "from",
    "sign",
}
SIGN_KEYS = {"lasts", "after", "resource", "ip", "key", "id", "cookies", "hash", "url"}
EXPECT_KEYS = {
    "status",
    "cache",
    "age",
    "has",
    "lacks",
    "text",
    "length",
    "sent",
    "saw",
    "saw_lacks",
    "target",
    "asked",
    "origins",
    "why",
    "outcomes",
    "statuses",
    "broken",
}
USUAL_TTL = {"min": 0, "default": 86_400, "max": 31_536_000}
POP = "LHR62-C1"


@dataclass(frozen=True)
class Case:
    """One scenario as it is written."""

    data: Mapping[str, Any]
    file: str

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def covers(self) -> list[str]:
        covers = self.data["covers"]
        return [str(one) for one in (covers if isinstance(covers, list) else [covers])]

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.data["steps"])

    @property
    def world(self) -> dict[str, Any]:
        """What concerns the whole world: regional caches and the like."""
        return {"regional_caches": False, "edges": [POP], **self.data.get("world", {})}

    def origins(self, ports: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """The origins under names of this case's own."""
        written = self.data.get("origins") or {"main": {}}
        return {
            f"{self.id}.{name}": {
                "url": f"http://127.0.0.1:{ports[name]}",
                "domain": f"{name}.{self.id}.test",
                "clock": "simulated",
                "connection_attempts": 1,
                "response_timeout": 1,
                **settings,
            }
            for name, settings in written.items()
        }

    def groups(self) -> dict[str, dict[str, Any]]:
        """The origin groups under names of this case's own."""
        return {
            f"{self.id}.{name}": {
                "primary": f"{self.id}.{group['primary']}",
                "secondary": f"{self.id}.{group['secondary']}",
                "statuses": group["statuses"],
            }
            for name, group in self.data.get("groups", {}).items()
        }

    def distribution(self) -> dict[str, Any]:
        """The distribution as a world file has it."""
        return {
            "name": self.id,
            "aliases": [self.host, *self.data.get("distribution", {}).get("aliases", [])],
            **{key: value for key, value in self.data.get("distribution", {}).items() if key != "aliases"},
            "behaviors": [
                {"path": path, **self._behavior(settings)} for path, settings in self.data.get("behaviors", {}).items()
            ],
            "default_behavior": self._behavior(self.data.get("behavior", {})),
        }

    def _behavior(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        ways = {"ttl", "key", "cache_policy", "legacy"}
        usual = {} if ways & set(settings) else {"ttl": USUAL_TTL}
        return {**usual, **settings, "origin": f"{self.id}.{settings.get('origin', 'main')}"}

    @property
    def host(self) -> str:
        """The name it is asked for by."""
        return f"{self.id}.test"


def document(cases: list[Case], ports: Mapping[str, int]) -> dict[str, Any]:
    """The world file that serves some cases at once, all with the same ``world``."""
    return {
        "latency": {"mode": "reported"},
        "clock": {"start": "2026-03-01T12:00:00Z", "paused": True},
        "tls": {"viewer": False},
        **cases[0].world,
        "origins": {name: entry for case in cases for name, entry in case.origins(ports).items()},
        "origin_groups": {name: entry for case in cases for name, entry in case.groups().items()},
        "distributions": [case.distribution() for case in cases],
        "public_keys": {
            "viewers": {"pem": public_pem(rsa_key()), "id": KEY_ID},
            "others": {"pem": public_pem(ecdsa_key()), "id": OTHER_ID},
        },
        "key_groups": {"viewers": ["viewers", "others"]},
    }


def load_cases() -> list[Case]:
    """Every case of every file; raises ValueError for keys nobody reads."""
    cases = []
    for path in sorted(HERE.glob("*.yaml")):
        for data in yaml.safe_load(path.read_text(encoding="utf-8")):
            case = Case(data, path.name)
            _check(case)
            cases.append(case)
    ids = Counter(case.id for case in cases)
    if twice := [id for id, count in ids.items() if count > 1]:
        raise ValueError(f"two scenarios are called {twice[0]}")
    return cases


def _check(case: Case) -> None:
    unknown = set(case.data) - CASE_KEYS
    for step in case.steps:
        unknown |= set(step) - STEP_KEYS
        unknown |= set(step.get("expect", {})) - EXPECT_KEYS
        unknown |= set(step.get("sign", {})) - SIGN_KEYS
    if unknown:
        raise ValueError(f"{case.file}: {case.id}: unknown {sorted(unknown)}")


@dataclass
class Answered:
    """One answer, however it was had."""

    status: int
    headers: CIMultiDict[str]
    body: bytes
    verdict: Verdict
    complete: bool = True


@dataclass
class Observed:
    """What one step brought: the answers, and what the origins saw meanwhile."""

    answers: list[Answered]
    arrived: list[Arrived] = field(default_factory=list)
    now: float = 0.0


def request_of(case: Case, step: Mapping[str, Any], now: float) -> tuple[str, str, list[tuple[str, str]]]:
    """Method, target and headers of a step's request, signed at simulated time ``now`` if it is to be."""
    method, target = ("GET", step["get"]) if "get" in step else str(step["ask"]).split(" ", 1)
    written = step.get("headers", {})
    headers = [(name, str(value)) for name, values in written.items() for value in _each(values)]
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("Host", case.host))
    if "sign" in step:
        query, cookies = orders(step["sign"], step["sign"].get("url", f"http://{case.host}{target}"), now)
        if query:
            target += ("&" if "?" in target else "?") + query
        if cookies:
            headers.append(("Cookie", cookies))
    return method, target, headers


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def verify(step: Mapping[str, Any], seen: Observed) -> None:
    """Compare what was seen with what was expected."""
    expect = step.get("expect", {})
    _verify_origin(expect, seen)
    if "outcomes" in expect:
        assert Counter(_outcome(answer) for answer in seen.answers) == Counter(expect["outcomes"])
    if "statuses" in expect:
        assert Counter(answer.status for answer in seen.answers) == Counter(expect["statuses"])
    for answer in seen.answers:
        _verify_answer(expect, answer, seen.now)


def _verify_origin(expect: Mapping[str, Any], seen: Observed) -> None:
    if "sent" in expect:
        assert len(seen.arrived) == expect["sent"], [one.target for one in seen.arrived]
    if "origins" in expect:
        assert [one.origin for one in seen.arrived] == expect["origins"]
    last = seen.arrived[-1] if seen.arrived else None
    if {"saw", "saw_lacks", "target", "asked"} & set(expect):
        assert last is not None, "the origin was not asked"
        for name, value in expect.get("saw", {}).items():
            assert ", ".join(last.headers.getall(name, [])) == at_moment(str(value), seen.now), name
        for name in expect.get("saw_lacks", ()):
            assert name not in last.headers, f"{name}: {last.headers.get(name)}"
        assert last.target == expect.get("target", last.target)
        assert last.method == expect.get("asked", last.method)


def _verify_answer(expect: Mapping[str, Any], answer: Answered, now: float) -> None:
    assert answer.complete is not expect.get("broken", False)
    if "status" in expect:
        assert answer.status == expect["status"]
    if "cache" in expect:
        assert answer.headers["X-Cache"] == f"{expect['cache']} from cloudfront"
    if "age" in expect:
        age = answer.headers.get("Age")
        assert (None if age is None else int(age)) == expect["age"]
    for name, value in expect.get("has", {}).items():
        wanted = None if value is None else at_moment(str(value), now)
        assert name in answer.headers, f"{name} is not there"
        assert wanted is None or ", ".join(answer.headers.getall(name)) == wanted, name
    for name in expect.get("lacks", ()):
        assert name not in answer.headers, f"{name}: {answer.headers.get(name)}"
    if "text" in expect:
        assert answer.body.decode() == expect["text"]
    if "length" in expect:
        assert len(answer.body) == expect["length"]
    for what, name in expect.get("why", {}).items():
        assert _reason(answer.verdict, what) == name, what


def _outcome(answer: Answered) -> str:
    return answer.headers["X-Cache"].partition(" ")[0]


def _reason(verdict: Verdict, what: str) -> Any:
    if what == "lifetime":
        return None if verdict.freshness is None else verdict.freshness.rule.name
    if what == "seconds":
        return None if verdict.freshness is None else verdict.freshness.lifetime
    if what == "tiers":
        return [one.node for one in verdict.trail()]
    if what == "failover":
        return verdict.origin.failover if verdict.origin is not None else None
    found = getattr(verdict, what)
    return getattr(found, "name", found)
