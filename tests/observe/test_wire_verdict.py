"""Verdicts between processes: what arrives equals what was sent, whatever a verdict says."""

from __future__ import annotations

import dataclasses
import json
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from edgesim.core.cache import Tier
from edgesim.core.messages import Request
from edgesim.core.reasons import Outcome
from edgesim.core.routing import Candidate, Choice, Exclusion
from edgesim.core.verdict import Leg, Verdict, Visitor
from edgesim.observe.wire_verdict import NotAVerdict, decode_value, decode_verdicts, encode_value, encode_verdicts

TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too: bytes of a request that are no UTF-8
NUMBER = st.floats(allow_nan=False)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=4)

CANDIDATES = st.builds(Candidate, TEXT, NUMBER, st.none() | st.sampled_from(Exclusion))
CHOICES = st.builds(Choice, st.none() | TEXT, NUMBER, st.lists(CANDIDATES, max_size=3).map(tuple))

HEADERS = PAIRS.map(CIMultiDict) | PAIRS.map(lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)))
st.register_type_strategy(CIMultiDict, HEADERS)
st.register_type_strategy(CIMultiDictProxy, HEADERS)


def _for(hint: Any) -> st.SearchStrategy[Any]:
    """A strategy for an annotation; numbers are never NaN, which equals nothing."""
    if hint in KNOWN:
        return KNOWN[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*(_for(member) for member in get_args(hint)))
    return _of(hint) if dataclasses.is_dataclass(hint) else st.from_type(hint)


def _of(kind: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A strategy for a dataclass that also fills the fields that have defaults, those to come included."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    return st.builds(kind, **{name: given[name] if name in given else _for(hints[name]) for name in names})


KNOWN: dict[Any, st.SearchStrategy[Any]] = {float: NUMBER, str: TEXT, Choice: CHOICES}
LEGS = st.lists(st.builds(Leg, TEXT, TEXT, NUMBER), max_size=2).map(tuple)


def _verdicts(upstream: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return _of(Verdict, legs=LEGS, upstream=upstream)


VERDICTS = _verdicts(st.none() | _verdicts(st.none()))


@settings(
    max_examples=50,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(st.lists(VERDICTS, max_size=3))
def test_what_arrives_equals_what_was_sent(verdicts: list[Verdict]) -> None:
    sent = json.dumps(encode_verdicts(verdicts))
    arrived = decode_verdicts(json.loads(sent))
    assert arrived == verdicts
    assert _fields_in_order(arrived) == _fields_in_order(verdicts)


def _fields_in_order(verdicts: list[Verdict]) -> list[list[tuple[str, str]]]:
    """Every header field with its case: the mappings' own equality asks for less."""
    return [list(each.request.headers.items()) for one in verdicts for each in one.trail()]


def test_a_batch_has_each_choice_once() -> None:
    choice = Choice("SYD62-C1", 3.0, tuple(Candidate(f"AAA{n}", float(n), None) for n in range(200)))
    request = Request("GET", "/")
    base = {"at": 0.0, "tier": Tier.EDGE, "node": "SYD62-C1", "request": request, "status": 200, "outcome": Outcome.HIT}
    verdicts = [Verdict(id=str(n), visitor=Visitor(choice=choice), **base) for n in range(50)]
    batch = encode_verdicts(verdicts)
    assert len(batch["choices"]) == 1
    arrived = decode_verdicts(json.loads(json.dumps(batch)))
    assert arrived == verdicts
    assert len({id(one.visitor.choice) for one in arrived}) == 1
    assert len(json.dumps(batch["verdicts"])) < 50 * 250, "what is as usual is left out"


@pytest.mark.parametrize(
    "batch",
    [
        None,
        [],
        {"choices": []},
        {"choices": [], "verdicts": [{}]},
        {"choices": [], "verdicts": [{"id": 1}]},
        {"choices": [], "verdicts": [{"id": "a", "unheard": 1}]},
    ],
)
def test_nonsense_is_refused_by_name(batch: Any) -> None:
    with pytest.raises(NotAVerdict, match="not a batch"):
        decode_verdicts(batch)


def test_enum_members_go_by_name() -> None:
    assert encode_value(Candidate, Candidate("A", 1.5, Exclusion.NOT_RUNNING)) == ["A", 1.5, "NOT_RUNNING"]
    with pytest.raises(NotAVerdict):
        decode_value(Candidate, ["A", 1.5, "NO_SUCH_REASON"])
