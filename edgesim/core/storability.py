"""May this answer be kept? One function a profile, each clause under its rule (RFC 9111 §3; spec §2.1, §5.1)."""

from __future__ import annotations

from edgesim.core.behaviors import Behavior
from edgesim.core.freshness import HEURISTIC_STATUSES, Controls
from edgesim.core.messages import Headers, Request, Response, listed, tokens
from edgesim.core.reasons import NotStored

ERRORS_ALWAYS = frozenset({404, 410, 414, 500, 501, 502, 503, 504})
"""Errors that are always cached (spec §5.1; 410 by the expiration page [sim])."""

ERRORS_WITH_LIFETIME = frozenset({400, 403, 405, 412, 415})
"""Errors that are cached only if the origin sends max-age or s-maxage (spec §5.1)."""

ERRORS_THAT_OBEY = frozenset({404, 410, 414, 501})
"""Errors on which no-store, no-cache and private are obeyed (spec §5.2)."""

CACHED_STATUSES = frozenset({200, 203, 204, 206, 301, 302, 307, 308})
"""Non-error statuses that CloudFront caches (spec §2.1)."""

UNDERSTOOD_STATUSES = HEURISTIC_STATUSES | frozenset({302, 303, 307, 400, 401, 403, 500, 502, 503, 504})
"""Final statuses whose caching requirements this cache implements, for must-understand (RFC 9111 §5.2.2.3)."""


def policy_refusal(behavior: Behavior, request: Request, response: Response, controls: Controls) -> NotStored | None:
    """Why CloudFront would not store this answer; ``None`` when it would."""
    if (refusal := _behavior_refusal(behavior, request)) is not None:
        return refusal
    if response.status >= 400:
        return _error_refusal(behavior, response.status, controls)
    if response.status not in CACHED_STATUSES:
        return NotStored.STATUS
    if response.status in (307, 308) and "Cache-Control" not in response.headers:
        return NotStored.STATUS_NEEDS_CACHE_CONTROL
    if behavior.policy.ttls.minimum:
        return None
    why = _forbidden(controls)
    return None if behavior.profile.no_cache_stores and why is not NotStored.NO_STORE else why


def _behavior_refusal(behavior: Behavior, request: Request) -> NotStored | None:
    if behavior.policy.ttls.disabled:
        return NotStored.CACHING_DISABLED
    if not behavior.policy.caching:
        return NotStored.ALL_HEADERS_FORWARDED
    return None if request.method in behavior.cached_methods else NotStored.METHOD


def _forbidden(controls: Controls) -> NotStored | None:
    directives = controls.directives
    if "no-store" in directives:
        return NotStored.NO_STORE
    if directives.bare("no-cache"):
        return NotStored.NO_CACHE
    return NotStored.PRIVATE if directives.bare("private") else None


def _error_refusal(behavior: Behavior, status: int, controls: Controls) -> NotStored | None:
    if status == 410 and not behavior.profile.caches_410:
        return NotStored.ERROR_NEVER
    if status in ERRORS_WITH_LIFETIME and not behavior.profile.client_errors_need_lifetime:
        return None
    if status in ERRORS_ALWAYS:
        return _forbidden(controls) if status in ERRORS_THAT_OBEY else None
    if status in ERRORS_WITH_LIFETIME:
        directives = controls.directives
        named = directives.seconds("max-age") is not None or directives.seconds("s-maxage") is not None
        return None if named else NotStored.ERROR_NEEDS_LIFETIME
    return NotStored.ERROR_NEVER


def standard_refusal(request: Request, response: Response, controls: Controls) -> NotStored | None:
    """Why a shared cache must not store this answer, or gains nothing by it (RFC 9111 §3); ``None`` when it may."""
    directives = controls.directives
    if request.method != "GET":
        return NotStored.METHOD
    if not 200 <= response.status <= 999 or response.status == 304:
        return NotStored.STATUS
    if "must-understand" in directives and response.status not in UNDERSTOOD_STATUSES:
        return NotStored.MUST_UNDERSTAND
    if "no-store" in directives and not ("must-understand" in directives and response.status in UNDERSTOOD_STATUSES):
        return NotStored.NO_STORE
    if directives.bare("private"):
        return NotStored.PRIVATE
    if "Authorization" in request.headers and not _shareable_with_authorization(controls):
        return NotStored.AUTHORIZATION
    if "*" in tokens(listed(response.headers, "Vary")):
        return NotStored.VARY_STAR
    return None if _reusable(response, controls) else NotStored.NO_LIFETIME_NO_VALIDATOR


def _shareable_with_authorization(controls: Controls) -> bool:
    return any(name in controls.directives for name in ("public", "s-maxage", "must-revalidate"))


def _reusable(response: Response, controls: Controls) -> bool:
    """Whether the answer can ever be used again: a lifetime, a permitted heuristic one, or a validator."""
    directives = controls.directives
    if "max-age" in directives or "s-maxage" in directives or "public" in directives:
        return True
    if not controls.targeted and "Expires" in response.headers:
        return True
    return response.status in HEURISTIC_STATUSES and has_validator(response.headers)


def has_validator(headers: Headers) -> bool:
    """True when the answer carries an ETag or Last-Modified to ask about later."""
    return "ETag" in headers or "Last-Modified" in headers
