"""Signed URLs and signed cookies: who may pass, and what of a request is the signature's alone (spec §10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior, TrustedKey
from edgesim.core.messages import Request, without_port
from edgesim.core.reasons import Rejection
from edgesim.core.selection import cookie_pairs, query_pairs
from edgesim.core.signed_keys import HASHES, decoded, verified
from edgesim.core.signed_policy import (
    LATEST,
    Asked,
    MalformedPolicy,
    Refusal,
    SignedPolicy,
    broken_condition,
    canned_policy,
    parse_policy,
)

RESERVED = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})
"""Query parameters that belong to the signature (spec §10.2)."""

COOKIE_PREFIX = "CloudFront-"
COOKIES = frozenset(COOKIE_PREFIX + name for name in RESERVED)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What was signed as far as the request tells: how it is called, what holds, and the texts that may be signed."""

    name: str
    policy: SignedPolicy
    texts: tuple[bytes, ...]


def check(request: Request, keys: Sequence[TrustedKey], now: float) -> Refusal | None:
    """Why a request may not pass at simulated time ``now``, ``None`` when a signature of one of the keys lets it in.

    Looked at in the order of spec §10.5; of a parameter or cookie that is there twice, the first counts [sim].
    """
    given, where = _given(request)
    id = given.get("Key-Pair-Id", "")
    if not id:
        return Refusal(Rejection.MISSING_KEY, f"There is no Key-Pair-Id among the {where}.")
    key = next((key for key in keys if key.id == id), None)
    if key is None:
        trusted = ", ".join(key.id for key in keys) or "none"
        return Refusal(Rejection.INVALID_KEY, f"Key {id} was named among the {where}. Trusted: {trusted}.")
    signature = decoded(given.get("Signature", ""))
    if signature is None:
        found = "not CloudFront's base64" if given.get("Signature") else "missing"
        return Refusal(Rejection.MALFORMED_SIGNATURE, f"Key {id}: the signature is {found}.")
    asked = _asked(request)
    try:
        claim = _claim(given, asked)
    except MalformedPolicy as malformed:
        return Refusal(Rejection.MALFORMED_POLICY, f"Key {id}: {malformed}.")
    return _judged(claim, key, signature, given, asked, now, request.client)


def _judged(
    claim: _Claim,
    key: TrustedKey,
    signature: bytes,
    given: dict[str, str],
    asked: list[Asked],
    now: float,
    address: str,
) -> Refusal | None:
    about = f"Key {key.id}, {claim.name}"
    hash_name = given.get("Hash-Algorithm", HASHES[0])
    if hash_name not in HASHES:
        return Refusal(Rejection.WRONG_SIGNATURE, f"{about}: Hash-Algorithm {hash_name} is not {' or '.join(HASHES)}.")
    try:
        good = any(verified(key.pem, signature, text, hash_name) for text in claim.texts)
    except ValueError as error:
        return Refusal(Rejection.WRONG_SIGNATURE, f"{about}: the behaviour's key is {error}.")
    if not good:
        text = claim.texts[0].decode("utf-8", "replace")
        return Refusal(Rejection.WRONG_SIGNATURE, f"{about}: signed with {hash_name} should be {text}")
    broken = broken_condition(claim.policy, asked, now, address)
    return None if broken is None else replace(broken, detail=f"{about}: {broken.detail}.")


def _given(request: Request) -> tuple[dict[str, str], str]:
    """The signature's parts by parameter name, from the query string if it has any of them, else from cookies."""
    found: dict[str, str] = {}
    for piece in query_pairs(request.query):
        name, _, value = piece.partition("=")
        if name in RESERVED:
            found.setdefault(name, unquote(value))
    if found:
        return found, "query parameters"
    for name, value in cookie_pairs(request.headers):
        if name in COOKIES:
            found.setdefault(name.removeprefix(COOKIE_PREFIX), value)
    return found, "cookies, and no signature is in the query string" if not found else "cookies"


def _claim(given: dict[str, str], asked: list[Asked]) -> _Claim:
    """What the request says it was signed for; raises MalformedPolicy. A policy goes before Expires [sim]."""
    if "Policy" in given:
        raw = decoded(given["Policy"])
        if raw is None:
            raise MalformedPolicy("the policy is not CloudFront's base64")
        policy = parse_policy(raw)
        return _Claim(f"custom policy for {policy.resource or 'every URL'}", policy, (raw,))
    expires = given.get("Expires")
    if expires is None:
        raise MalformedPolicy("there is neither Policy nor Expires")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= len(str(LATEST)) and int(expires) <= LATEST):
        raise MalformedPolicy(f"Expires {expires[:40]!r} is no whole number of seconds up to {LATEST}")
    texts = tuple(canned_policy(one.url, expires).encode("utf-8", "surrogateescape") for one in asked)
    return _Claim("canned policy", SignedPolicy(int(expires)), texts)


def _asked(request: Request) -> list[Asked]:
    """The URL as the viewer used it; where its host has a port, also without, as CloudFront knows no others [sim]."""
    path, _, query = _target(request.target).partition("?")
    host = request.headers.get("Host", "")
    return [Asked(request.scheme, name, path, query) for name in dict.fromkeys((host, without_port(host)))]


def _target(target: str) -> str:
    """A request-target without the signature's parameters."""
    path, mark, query = target.partition("?")
    if not mark:
        return target
    own = "&".join(piece for piece in query_pairs(query) if piece.partition("=")[0] not in RESERVED)
    return f"{path}?{own}" if own else path


def unsigned(request: Request, behavior: Behavior, *, cookies: bool = True) -> Request:
    """The request without its signature, as key and origin see it where the behaviour has trusted keys (spec §3.1).

    ``cookies`` False leaves the signature's cookies in.
    """
    if behavior.trusted_keys is None:
        return request
    target = _target(request.target)
    headers = request.headers
    if cookies and any(name in COOKIES for name, _ in cookie_pairs(headers)):
        headers = CIMultiDict(_without_cookies(list(headers.items())))
    if target == request.target and headers is request.headers:
        return request
    return replace(request, target=target, headers=headers)


def _without_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    found = []
    for name, value in headers:
        if name.lower() == "cookie":
            kept = [piece for piece in value.split(";") if piece.partition("=")[0].strip() not in COOKIES]
            value = ";".join(kept).strip()
            if not value:
                continue
        found.append((name, value))
    return found
