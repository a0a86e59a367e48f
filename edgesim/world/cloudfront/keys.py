"""Who may see a behaviour: trusted key groups and trusted signers, as the public keys behind them (spec §10.1)."""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.core.behaviors import OriginAccess, TrustedKey
from edgesim.world.cloudfront.reading import Doc, items, missing, part
from edgesim.world.state import Record

Records = Mapping[str, Mapping[str, Record]]

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
    return OriginAccess(signing, str(record.config["OriginAccessControlOriginType"]), region)
