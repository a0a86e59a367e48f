"""What ACM demands of an imported certificate, in its words (ACM guide, import-certificate-prerequisites)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from edgesim.api.faults import fault
from edgesim.errors import ControlError

MOST_KEY_BYTES = 5_120


def chain_and_key(params: Mapping[str, Any], *, now: float, lenient: bool) -> tuple[bytes, bytes]:
    """The whole chain (leaf first) and the key, both PEM. Raises ControlError ValidationException."""
    body, key_pem = bytes(params["Certificate"]), bytes(params["PrivateKey"])
    leaves = _parsed(body, "certificate")
    if len(leaves) > 1:
        raise refused(
            "The certificate field contains more than one certificate. You can specify only one certificate in this "
            "field."
        )
    leaf, chain = leaves[0], bytes(params.get("CertificateChain", b""))
    _check_key(key_pem, leaf)
    issuers = _parsed(chain, "certificate chain") if chain.strip() else []
    for index, (lower, upper) in enumerate(pairwise([leaf, *issuers])):
        if not _issued_by(lower, upper):
            raise refused(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
                "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
                f"certificate is: {index}"
            )
    if not issuers and not lenient and not _issued_by(leaf, leaf):
        raise refused(
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate "
            "or certificate chain."
        )
    if not leaf.not_valid_before_utc.timestamp() <= now <= leaf.not_valid_after_utc.timestamp():
        dates = f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise refused(
            f"The certificate must be valid at the time of import; it is valid from {dates} (simulated time)."
        )
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in [leaf, *issuers]), key_pem


def refused(message: str) -> ControlError:
    """The error for what cannot be imported."""
    return fault("ValidationException", message, of="acm")


def _parsed(pem: bytes, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise refused(f"The {what} field does not contain a valid PEM-encoded X.509 certificate.") from None


def _check_key(pem: bytes, leaf: x509.Certificate) -> None:
    if len(pem) > MOST_KEY_BYTES:
        raise refused(f"The private key must be no larger than 5 KB ({MOST_KEY_BYTES} bytes).")
    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError:
        raise refused("The private key must be unencrypted: it is protected by a passphrase.") from None
    except ValueError:
        raise refused("The private key field does not contain a valid PEM-encoded private key.") from None
    if key.public_key() != leaf.public_key():
        raise refused("The private key does not match the certificate.")


def _issued_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
