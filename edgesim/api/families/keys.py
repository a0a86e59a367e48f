"""What CloudFront demands of keys, access to origins, and field-level encryption (spec §4.7, §6.8, §10.1)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edgesim.api.account import Account
from edgesim.api.families.checks import Document, Row, at_most, check_rows, items
from edgesim.api.families.policies_rules import NAMED
from edgesim.api.faults import fault
from edgesim.world.state import Record

MOST_KEYS_IN_GROUP = 5
FORM = "application/x-www-form-urlencoded"


def public_key(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A public key: PEM, RSA of 2,048 bits or ECDSA on P-256. Raises InvalidArgument."""
    check_rows(config, NAMED)
    _check_reference(config)
    if not _is_signing_key(config["EncodedKey"]):
        raise fault(
            "InvalidArgument",
            "The parameter EncodedKey is not a key CloudFront takes: PEM, RSA of 2,048 bits or ECDSA prime256v1.",
        )
    return config


def _is_signing_key(pem: str) -> bool:
    if not pem.strip().startswith("-----BEGIN PUBLIC KEY-----"):
        return False
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    if isinstance(key, RSAPublicKey):
        return key.key_size == 2_048
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)


def key_group(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A key group: one to five public keys that exist. Raises InvalidArgument, TooManyPublicKeysInKeyGroup."""
    check_rows(config, NAMED)
    keys = list(config["Items"])
    if not keys:
        raise fault("InvalidArgument", "The parameter Items needs at least one public key.")
    if len(keys) > MOST_KEYS_IN_GROUP:
        raise fault("TooManyPublicKeysInKeyGroup")
    if len(set(keys)) < len(keys):
        raise fault("InvalidArgument", "The parameter Items contains duplicate values.")
    for id in keys:
        if account.find("public-key", id) is None:
            raise fault("InvalidArgument", f"The parameter Items contains {id}, but there is no such public key.")
    return config


_ACCESS_CONTROL = (
    Row("Name", lambda name: bool(name.strip()) and len(name) <= 64, "InvalidArgument",
        "The parameter Name takes 1 to 64 characters."),
    Row("Description", at_most(256), "InvalidArgument", "The parameter Description takes at most 256 characters."),
)  # fmt: skip


def origin_access_control(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """An origin access control. Raises InvalidArgument."""
    check_rows(config, _ACCESS_CONTROL)
    return config


def origin_access_identity(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """An origin access identity. Raises InvalidArgument."""
    check_rows(config, NAMED)
    _check_reference(config)
    return config


def canonical_user() -> Mapping[str, Any]:
    """The S3 user that a new origin access identity is: 96 hexadecimal digits."""
    return {"S3CanonicalUserId": secrets.token_hex(48)}


def encryption_config(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A field-level encryption configuration: its profiles must exist."""
    check_rows(config, NAMED)
    _check_reference(config)
    content = items(config.get("ContentTypeProfileConfig", {}), "ContentTypeProfiles")
    queries = items(config.get("QueryArgProfileConfig", {}), "QueryArgProfiles")
    if len(content) > 1:
        raise fault("TooManyFieldLevelEncryptionContentTypeProfiles")
    if len(queries) > 5:
        raise fault("TooManyFieldLevelEncryptionQueryArgProfiles")
    if any(profile["ContentType"] != FORM for profile in content):
        raise fault("InvalidArgument", f"The parameter ContentType must be {FORM}.")
    if not all(profile["QueryArg"] and profile["ProfileId"] for profile in queries):
        raise fault("QueryArgProfileEmpty")
    for profile in (*content, *queries):
        id = profile.get("ProfileId")
        if id and account.find("field-level-encryption-profile", id) is None:
            raise fault("NoSuchFieldLevelEncryptionProfile")
    return config


def encryption_profile(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A field-level encryption profile: one public key that exists, and up to ten patterns of fields."""
    check_rows(config, NAMED)
    _check_reference(config)
    entities = items(config, "EncryptionEntities")
    if len(entities) > 1:
        raise fault("TooManyFieldLevelEncryptionEncryptionEntities")
    for entity in entities:
        if account.find("public-key", entity["PublicKeyId"]) is None:
            raise fault("NoSuchPublicKey")
        if len(items(entity, "FieldPatterns")) > 10:
            raise fault("TooManyFieldLevelEncryptionFieldPatterns")
    return config


def _check_reference(config: Document) -> None:
    if not config["CallerReference"]:
        raise fault("InvalidArgument", "The parameter CallerReference is required.")
