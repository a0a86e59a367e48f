"""An explained request in plain words: sections of a word and its lines, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgesim.observe.explain import Facts
from edgesim.world.units import format_duration

WIDTH = 9
"""Columns the section's word takes."""


def told(facts: Facts) -> str:
    """The whole explanation."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    yield _headline(facts)
    sections = (
        ("When", [f"{facts['iso']} on the simulated clock; request {facts['id']}"]),
        ("Where", list(_where(facts))),
        ("Rule", list(_rule(facts))),
        ("Refused", list(_refused(facts))),
        ("Key", list(_key(facts))),
        ("Caches", list(_caches(facts["cache"], facts))),
        ("Origin", list(_origins(facts["cache"]))),
        ("Time", list(_time(facts))),
    )
    for word, lines in sections:
        for number, line in enumerate(lines):
            yield f"{word if not number else '':<{WIDTH}}{line}"


def _headline(facts: Facts) -> str:
    request, answer = facts["request"], facts["answer"]
    status = answer["status"] or "no answer"
    host = request["host"] or "(no host)"
    pop = facts["edge"]["pop"]
    where = f" at {pop}" if pop else ""
    cut = "" if answer["complete"] else "; the viewer left before the end"
    return (
        f"{request['method']} {request['scheme']}://{host}{request['target']}\n"
        f"{facts['result_type']}{where}: status {status}, {answer['bytes']:,} bytes, "
        f"{facts['timing']['total_ms']:g} ms{cut}"
    )


def _where(facts: Facts) -> Iterator[str]:
    viewer, edge = facts["viewer"], facts["edge"]
    if viewer["place"]:
        country = f", {viewer['country']}" if viewer["country"] else ""
        yield f"The viewer is in {viewer['place']}{country}, says {viewer['source_words']} ({viewer['address']})."
    if viewer["note"]:
        yield f"Looked at and not used: {viewer['note']}."
    candidates = edge["candidates"]
    if not candidates:
        return
    good = [one for one in candidates if one["excluded"] is None]
    if good:
        first, *others = good
        line = f"Nearest edge: {first['pop']} ({first['city']}), {first['rtt_ms']:g} ms there and back."
        if others:
            line += " Then " + ", ".join(f"{one['pop']} {one['rtt_ms']:g} ms" for one in others[:3]) + "."
        yield line
    else:
        yield "No edge may answer."
    yield from _excluded([one for one in candidates if one["excluded"] is not None])


def _excluded(candidates: list[Facts]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for one in candidates:
        by_reason.setdefault(one["excluded"], []).append(one["pop"])
    for why, pops in by_reason.items():
        more = f" and {len(pops) - 4} more" if len(pops) > 4 else ""
        yield f"Left out: {', '.join(pops[:4])}{more}: {why}."


def _rule(facts: Facts) -> Iterator[str]:
    distribution, behavior = facts["distribution"], facts["behavior"]
    if distribution is None:
        return
    yield f"Distribution {distribution['id']} ({distribution['domain']})."
    if distribution["deployment"] is not None:
        yield f"Asked for: {distribution['primary']}. {distribution['deployment']['sentence']}"
    if behavior is None:
        return
    number = len(behavior["passed_over"]) + 1
    of = f" (number {number} of {behavior['of']})" if "of" in behavior else ""
    yield f"Behaviour {behavior['pattern']}{of}, profile {behavior['profile']}."
    if behavior["passed_over"]:
        yield f"Did not match: {', '.join(behavior['passed_over'])}."
    if "ttl" in behavior:
        ttl = behavior["ttl"]
        lives = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in ttl.items())
        yield f"Cache policy {behavior['cache_policy']}: TTL {lives}."


def _refused(facts: Facts) -> Iterator[str]:
    rejection = facts["rejection"]
    if rejection is not None:
        yield f"{rejection['sentence']} [{rejection['source']}]"
    if facts["detail"]:
        yield facts["detail"]


def _key(facts: Facts) -> Iterator[str]:
    key = facts["key"]
    if key is None:
        return
    yield key["text"]
    if not key["current"]:
        yield "The settings have changed since; the key was made with the ones of that time."
        return
    yield "In it: " + _listed(key["included"]) + "."
    if key["left_out"]:
        yield "Left out: " + _listed(key["left_out"]) + "."


def _listed(parts: list[Facts]) -> str:
    words = [part["name"] if part["kind"] in ("path", "uri") else f"{part['kind']} {part['name']}" for part in parts]
    return ", ".join(dict.fromkeys(words)) or "nothing"


def _caches(cache: Facts | None, facts: Facts) -> Iterator[str]:
    while cache is not None:
        yield f"{cache['node']} ({cache['tier']}): {cache['outcome']}, {_did(cache)}"
        yield from _freshness(cache["freshness"])
        for about in ("forwarded", "stale", "not_stale"):
            yield from _why(cache[about])
        yield from _joining(cache)
        yield from _storing(cache)
        if cache["failure"] is not None:
            detail = f": {cache['failure']['detail']}" if cache["failure"]["detail"] else ""
            yield f"  Failed: {cache['failure']['words']}{detail}."
        if cache["encoding"]:
            yield f"  Sent with Content-Encoding {cache['encoding']}."
        if cache["not_compressed"] is not None and facts["behavior"] and facts["behavior"].get("compress"):
            yield from _why(cache["not_compressed"], "Not compressed: ")
        cache = cache["upstream"]


def _did(cache: Facts) -> str:
    if cache["stale"] is not None:
        return "a stale answer from its store."
    if cache["forwarded"] is None:
        return "waited for another request's answer." if cache["joined"] else "answered from its store."
    if cache["validated"]:
        return "asked upstream, and what was stored still holds."
    return "asked upstream."


def _why(why: Facts | None, before: str = "") -> Iterator[str]:
    if why is not None:
        yield f"  {before}{why['sentence']} [{why['source']}]"


def _joining(cache: Facts) -> Iterator[str]:
    if cache["joined"]:
        yield f"  Joined request {cache['joined']}, which was on its way for the same key."
    elif cache["not_joined"] is not None and cache["not_joined"]["name"] != "NONE_IN_FLIGHT":
        yield from _why(cache["not_joined"], "Not collapsed: ")


def _storing(cache: Facts) -> Iterator[str]:
    if cache["stored"]:
        yield "  Stored."
    yield from _why(cache["not_stored"], "Not stored: ")
    if cache["evicted"]:
        yield f"  {cache['evicted']} other objects had to go for it."


def _freshness(sum_: Facts | None) -> Iterator[str]:
    if sum_ is None:
        return
    asked = f" (the origin asked for {_seconds(sum_['asked'])})" if len(sum_["lines"]) > 3 else ""
    yield f"    lifetime {_seconds(sum_['lifetime']):>14}  {sum_['rule']['sentence']}{asked} [{sum_['rule']['source']}]"
    yield f"  - age      {_seconds(sum_['age']):>14}"
    left = "still fresh" if sum_["fresh"] else "no longer fresh"
    yield f"  = left     {_seconds(sum_['left']):>14}  {left}"


def _seconds(value: float) -> str:
    return f"{round(value, 1):,g} s" if abs(value) < 1_000_000 else f"{round(value):,} s"


def _origins(cache: Facts | None) -> Iterator[str]:
    while cache is not None:
        trip = cache["origin"]
        if trip is not None:
            yield from _trip(trip)
        cache = cache["upstream"]


def _trip(trip: Facts) -> Iterator[str]:
    at = f" at {trip['address']}" if trip["address"] else ""
    said = f"answered {trip['status']} in {trip['first_byte_ms']:g} ms" if trip["status"] else "gave no answer"
    tries = f", attempt {trip['attempts']}" if trip["attempts"] > 1 else ""
    link = "a reused connection" if trip["connection"] == "reused" else f"a new connection ({trip['connect_ms']:g} ms)"
    yield f"{trip['origin']}{at} {said}{f', over {link}' if trip['address'] else ''}{tries}."
    if trip["failover"]:
        yield f"It is the second of its group ({trip['failover']})."
    yield f"Asked for {trip['target']}; sent {', '.join(dict.fromkeys(name for name, _ in trip['sent']))}."
    if trip["dropped"]:
        yield f"Not forwarded: {', '.join(trip['dropped'])}."


def _time(facts: Facts) -> Iterator[str]:
    timing: dict[str, Any] = facts["timing"]
    if facts["legs"]:
        yield "; ".join(f"{leg['from']} to {leg['to']} {leg['ms']:g} ms" for leg in facts["legs"]) + "."
    waited = "waited for" if timing["latency_mode"] == "real" else "only reported"
    yield (
        f"First byte after {timing['first_byte_ms']:g} ms, all after {timing['total_ms']:g} ms; "
        f"modelled distance {timing['modelled_network_ms']:g} ms, {waited}."
    )
