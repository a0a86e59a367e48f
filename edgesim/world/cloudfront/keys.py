"""Who may see a behaviour: trusted key groups and trusted signers, as the public keys behind them (spec §10.1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from edgesim.core.behaviors import OriginAccess, TrustedKey
from edgesim.world.cloudfront.reading import Doc, items, missing, part
from edgesim.world.state import Record

Records = Mapping[str, Mapping[str, Record]]

_NAMESPACE = uuid.UUID("3f0f1c52-8d4c-5a27-9d6c-5a1f1b0f7a44")  # arbitrary, and fixed for ever: ids hang on it

AUTO = "auto"
"""A certificate that edgesim issues by itself."""

OWN_ACCOUNT = ("self", "123456789012")
"""How a document names the account it is in, as a trusted signer."""


def trusted_keys(behavior: Doc, records: Records) -> tuple[TrustedKey, ...] | None:
    """The keys a behaviour's requests must be signed by; None where anybody may ask.

    A trusted signer ``self`` stands for every public key of the account [sim]: the key pairs of root users that
    CloudFront means are not there. Raises ControlError for a group or key that does not exist.
    """
    groups, signers = part(behavior, "TrustedKeyGroups"), part(behavior, "TrustedSigners")
    if not groups.get("Enabled") and not signers.get("Enabled"):
        return None
    found: dict[str, TrustedKey] = {}
    for id in items(behavior, "TrustedKeyGroups") if groups.get("Enabled") else ():
        group = records.get("key-group", {}).get(id)
        if group is None:
            raise missing("TrustedKeyGroupDoesNotExist", "key group", id)
        for key in group.config.get("Items") or ():  # type: ignore[union-attr]
            found[str(key)] = _key(str(key), records)
    if signers.get("Enabled") and set(OWN_ACCOUNT).intersection(items(behavior, "TrustedSigners")):
        found |= {id: _key(id, records) for id in records.get("public-key", {})}
    return tuple(found.values())


def group_id(keys: tuple[TrustedKey, ...]) -> str:
    """The id of the group of these keys, for keys that came without one: a UUID, always the same."""
    return str(uuid.uuid5(_NAMESPACE, " ".join(key.id for key in keys)))


def access_id(access: OriginAccess) -> str:
    """The id of an origin access control that came without one, always the same."""
    return "E" + uuid.uuid5(_NAMESPACE, f"{access.signing} {access.service} {access.region}").hex[:13].upper()


def _key(id: str, records: Records) -> TrustedKey:
    record = records.get("public-key", {}).get(id)
    if record is None:
        raise missing("NoSuchPublicKey", "public key", id)
    return TrustedKey(id, str(record.config["EncodedKey"]))


def origin_access(origin: Doc, records: Records, region: str) -> OriginAccess | None:
    """How requests to an origin are signed: its origin access control, if it has one (spec §6.8)."""
    id = origin.get("OriginAccessControlId")
    if not id:
        return None
    record = records.get("origin-access-control", {}).get(id)
    if record is None:
        raise missing("NoSuchOriginAccessControl", "origin access control", id)
    signing = str(record.config["SigningBehavior"]).removesuffix("-amz-auth")
    service = str(record.config["OriginAccessControlOriginType"])
    return OriginAccess(signing, service, str(record.facts.get("region", region)))
