"""When an origin group's secondary is asked (spec §6.5)."""

from __future__ import annotations

from edgesim.core.behaviors import GET_HEAD, Behavior, OriginGroup
from edgesim.core.failures import Failure


def may_fail_over(method: str, behavior: Behavior) -> bool:
    """Only GET and HEAD are asked of a secondary, and OPTIONS where it is cached."""
    return method in GET_HEAD or (method == "OPTIONS" and method in behavior.cached_methods)


def fails_over(group: OriginGroup, status: int, failure: Failure | None) -> bool:
    """Whether the primary's answer is a listed status; 503 listed stands for no connection, 504 for a timeout."""
    if failure is not None:
        status = 504 if failure.kind.timed_out else 503
    return status in group.statuses
