"""Two cache profiles side by side on one exchange, as facts and as words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from edgesim.core.comparing import Row, compare
from edgesim.core.profiles import PROFILES
from edgesim.core.verdict import Verdict
from edgesim.errors import ControlError
from edgesim.observe.explain import Facts, behavior_of, reason
from edgesim.world.state import World


def compared(verdict: Verdict, world: World, other: str) -> Facts:
    """What the profile ``other`` would have done with the same exchange; raises ControlError where nobody can tell."""
    profile = PROFILES.get(other)
    if profile is None:
        close = get_close_matches(other, PROFILES, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ControlError("InvalidArgument", f"no profile {other[:40]!r}: there are {', '.join(PROFILES)}{hint}", 400)
    distribution = world.distributions.get(verdict.distribution)
    behavior = behavior_of(distribution, verdict)
    if distribution is None or behavior is None or verdict.response is None:
        message = "this request got no answer that a cache could have an opinion about"
        raise ControlError("NothingToCompare", message, 409)
    rows = compare(verdict.request, verdict.response, distribution, behavior, profile, verdict.age)
    facts = {"here": behavior.profile.name, "there": profile.name, "rows": [_facts(row) for row in rows]}
    return {**facts, "text": _told(facts)}


def _facts(row: Row) -> Facts:
    return {
        "question": row.question,
        "here": row.here,
        "there": row.there,
        "differs": row.differs,
        "why_here": reason(row.why_here),
        "why_there": reason(row.why_there),
    }


def _told(facts: dict[str, Any]) -> str:
    names = facts["here"], facts["there"]
    width = max(map(len, names))
    lines = [f"The same exchange under {names[0]}, as it was served, and under {names[1]}", ""]
    for row in facts["rows"]:
        lines.append(("* " if row["differs"] else "  ") + row["question"])
        if not row["differs"]:
            lines.append(f"    both: {row['here']}{_why(row['why_here'])}")
            continue
        for name, answer, why in zip(
            names, (row["here"], row["there"]), (row["why_here"], row["why_there"]), strict=True
        ):
            lines.append(f"    {name:{width}}  {answer}{_why(why)}")
    lines += ["", "* where they differ"]
    return "\n".join(lines)


def _why(why: Facts | None) -> str:
    return f" - {why['sentence']} [{why['source']}]" if why is not None else ""
