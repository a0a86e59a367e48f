"""Signatures of signed URLs and cookies: keys, and the alphabet they are written in (spec §10.1, §10.2)."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

PublicKey = RSAPublicKey | EllipticCurvePublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

RSA_BITS = 2048

_HASHES: dict[str, HashAlgorithm] = {"SHA1": SHA1(), "SHA256": SHA256()}
HASHES = tuple(_HASHES)
"""Values of Hash-Algorithm; the first when there is none."""

_WRITTEN = re.compile(r"[A-Za-z0-9~-]*_{0,2}", re.ASCII)
_TO_BASE64 = str.maketrans("-_~", "+=/")
_FROM_BASE64 = str.maketrans("+=/", "-_~")


def encoded(data: bytes) -> str:
    """Bytes as a signed URL writes them: base64 with ``-_~`` for ``+=/``."""
    return base64.b64encode(data).decode().translate(_FROM_BASE64)


def decoded(text: str) -> bytes | None:
    """The bytes; ``None`` when the text is none of this alphabet, or not whole."""
    if not text or not _WRITTEN.fullmatch(text):
        return None
    try:
        return base64.b64decode(text.translate(_TO_BASE64), validate=True)
    except binascii.Error:
        return None


@lru_cache(maxsize=1024)
def public_key(pem: str) -> PublicKey:
    """The key in a PEM; raises ValueError unless it is RSA with 2,048 bits or ECDSA on P-256 (spec §10.1)."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("no public key in PEM") from None
    _suits(key)
    assert isinstance(key, PublicKey)
    return key


def private_key(pem: bytes) -> PrivateKey:
    """The key in a PEM without a password; raises ValueError unless it is one of those CloudFront takes."""
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise ValueError("a private key with a password; write it out without: openssl pkey -in FILE") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM") from None
    _suits(key)
    assert isinstance(key, PrivateKey)
    return key


def _suits(key: object) -> None:
    if isinstance(key, RSAPublicKey | RSAPrivateKey):
        if key.key_size != RSA_BITS:
            raise ValueError(f"an RSA key of {key.key_size} bits; CloudFront takes {RSA_BITS}")
    elif not isinstance(key, EllipticCurvePublicKey | EllipticCurvePrivateKey):
        raise ValueError("a key that is neither RSA nor ECDSA")
    elif not isinstance(key.curve, SECP256R1):
        raise ValueError(f"an ECDSA key on {key.curve.name}; CloudFront takes prime256v1")


def verified(pem: str, signature: bytes, data: bytes, hash_name: str) -> bool:
    """Whether a signature is the key's for the data: RSA PKCS #1 v1.5, or ECDSA in DER. ``hash_name`` of HASHES."""
    key, algorithm = public_key(pem), _HASHES[hash_name]
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, PKCS1v15(), algorithm)
        else:
            key.verify(signature, data, ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def signature_of(key: PrivateKey, data: bytes, hash_name: str) -> bytes:
    """What :func:`verified` takes."""
    algorithm = _HASHES[hash_name]
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PKCS1v15(), algorithm)
    return key.sign(data, ECDSA(algorithm))
