"""An application that signs: keys made for the tests, botocore's signer for URLs, OpenSSL's ``tr`` for cookies."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

KEY_ID = "K2JCJMDEHXQW5F"
OTHER_ID = "KOTHERKEY00001"


@cache
def _rsa(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2048)


def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key for the whole test run."""
    return _rsa(number)


@cache
def ecdsa_key() -> ec.EllipticCurvePrivateKey:
    """The same on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """What goes into a world."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """What stays with the application."""
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none)


def signature(text: bytes, key: Any = None, digest: str = "SHA1") -> bytes:
    """RSA PKCS #1 v1.5, or ECDSA in DER."""
    key, chosen = key or rsa_key(), hashes.SHA256() if digest == "SHA256" else hashes.SHA1()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), chosen)
    return bytes(key.sign(text, ec.ECDSA(chosen)))


def written(data: bytes) -> str:
    """``openssl base64 -A | tr -- '+=/' '-_~'``."""
    return base64.b64encode(data).decode().replace("+", "-").replace("=", "_").replace("/", "~")


def policy(resource: str | None, until: object, after: object = None, ip: object = None) -> str:
    """A custom policy's text."""
    condition: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": until}}
    if after is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": after}
    if ip is not None:
        condition["IpAddress"] = {"AWS:SourceIp": ip}
    statement = {"Resource": resource, "Condition": condition} if resource is not None else {"Condition": condition}
    return json.dumps({"Statement": [statement]}, separators=(",", ":"))


def canned_text(url: str, until: int) -> str:
    """What a canned policy signs, as botocore writes it."""
    return policy(url, until)


def signed(
    url: str,
    until: int | None = None,
    text: str | None = None,
    *,
    key: Any = None,
    id: str = KEY_ID,
    digest: str = "SHA1",
) -> str:
    """A signed URL by botocore: canned until a time, or with a custom policy's text."""
    signer = CloudFrontSigner(id, lambda message: signature(message, key, digest))
    if text is None:
        assert until is not None
        made = signer.generate_presigned_url(url, date_less_than=datetime.fromtimestamp(until, UTC))
    else:
        made = signer.generate_presigned_url(url, policy=text)
    return str(made) + ("&Hash-Algorithm=SHA256" if digest == "SHA256" else "")


def cookies(
    url: str = "",
    until: int | None = None,
    text: str | None = None,
    *,
    key: Any = None,
    id: str = KEY_ID,
    digest: str = "SHA1",
) -> str:
    """A Cookie header's value."""
    signs = text if text is not None else canned_text(url, until or 0)
    pairs = {"CloudFront-Policy": written(signs.encode())} if text is not None else {"CloudFront-Expires": str(until)}
    pairs["CloudFront-Signature"] = written(signature(signs.encode(), key, digest))
    pairs["CloudFront-Key-Pair-Id"] = id
    if digest == "SHA256":
        pairs["CloudFront-Hash-Algorithm"] = digest
    return "; ".join(f"{name}={value}" for name, value in pairs.items())


def orders(sign: Mapping[str, Any], url: str, now: float) -> tuple[str, str]:
    """The query and the cookies of a scenario's ``sign``; times are seconds from now.

    ``lasts`` alone is a canned policy; ``resource``, ``after`` or ``ip`` make it a custom one. ``key`` is rsa, ecdsa
    or stranger; ``id`` another Key-Pair-Id; ``cookies`` writes cookies; ``hash`` SHA256.
    """
    until = int(now) + int(sign.get("lasts", 3600))
    after = int(now) + sign["after"] if "after" in sign else None
    text = None
    if {"resource", "after", "ip"} & set(sign):
        text = policy(sign.get("resource"), until, after, sign.get("ip"))
    key = {"rsa": rsa_key(), "ecdsa": ecdsa_key(), "stranger": rsa_key(1)}[sign.get("key", "rsa")]
    id = sign.get("id", OTHER_ID if sign.get("key") == "ecdsa" else KEY_ID)
    digest = sign.get("hash", "SHA1")
    if sign.get("cookies"):
        return "", cookies(url, until, text, key=key, id=id, digest=digest)
    made = signed(url, until if text is None else None, text, key=key, id=id, digest=digest)
    return made[len(url) + 1 :], ""
