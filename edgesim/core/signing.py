"""Signing URLs and cookies as a viewer's application does (spec §10.2, §10.4); the edge's side is ``signed.py``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from edgesim.core.messages import Field
from edgesim.core.signed import COOKIE_PREFIX
from edgesim.core.signed_keys import HASHES, PrivateKey, encoded, signature_of
from edgesim.core.signed_policy import canned_policy, parse_policy


def canned(key: PrivateKey, key_id: str, url: str, expires: int, hash_name: str = HASHES[0]) -> list[Field]:
    """The parameters for exactly this URL until ``expires`` (seconds since the epoch)."""
    return [("Expires", str(expires)), *_signed(key, key_id, canned_policy(url, expires).encode(), hash_name)]


def custom(key: PrivateKey, key_id: str, policy: str, hash_name: str = HASHES[0]) -> list[Field]:
    """The parameters for a policy's text as :func:`compact` gives it."""
    return [("Policy", encoded(policy.encode())), *_signed(key, key_id, policy.encode(), hash_name)]


def _signed(key: PrivateKey, key_id: str, text: bytes, hash_name: str) -> list[Field]:
    parts = [("Signature", encoded(signature_of(key, text, hash_name))), ("Key-Pair-Id", key_id)]
    return parts if hash_name == HASHES[0] else [*parts, ("Hash-Algorithm", hash_name)]


def resource_policy(resource: str, expires: int) -> str:
    """A custom policy for every URL a Resource covers."""
    condition = {"DateLessThan": {"AWS:EpochTime": expires}}
    return _text({"Statement": [{"Resource": resource, "Condition": condition}]})


def compact(text: str) -> str:
    """A custom policy without white space; raises MalformedPolicy when it is none."""
    parse_policy(text.encode())
    return _text(json.loads(text))


def _text(policy: object) -> str:
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def signed_url(url: str, parts: Iterable[Field]) -> str:
    """The URL with the parameters behind its own."""
    return url + ("&" if "?" in url else "?") + "&".join(f"{name}={value}" for name, value in parts)


def cookie_value(parts: Iterable[Field]) -> str:
    """The same as cookies, written as a Cookie header's value."""
    return "; ".join(f"{COOKIE_PREFIX}{name}={value}" for name, value in parts)
