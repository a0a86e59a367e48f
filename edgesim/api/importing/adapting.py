"""A distribution from elsewhere in this account: what it names and nobody has here gives way, and that is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgesim.api.account import Account
from edgesim.api.importing.plan import Note

KEEPS_CORRECT = "4cc15a8a-d715-48a4-82b8-cc0b614638fe"
"""Managed-UseOriginCacheControlHeaders-QueryStrings: with everything in the key nothing is shown to the wrong one."""

Certify = Callable[[list[str]], str]
"""Gives the ARN of a certificate of the local authority for these names."""

DROPPED: Mapping[str, str] = {
    "WebACLId": "no web ACL stands before this distribution here",
    "AnycastIpListId": "there are no Anycast addresses here",
    "ContinuousDeploymentPolicyId": "continuous deployment is not imported; attach a policy through the API",
    "ViewerMtlsConfig": "viewers need no certificate here",
    "ConnectionFunctionAssociation": "connection functions do not run here",
    "TenantConfig": "there are no tenants here",
}
"""Members of a distribution that are left out, and why."""


def adapt(
    account: Account, config: Mapping[str, Any], path: str, notes: list[Note], certify: Certify
) -> dict[str, Any]:
    """The configuration as it can be here."""
    adapting = _Adapting(account, path, notes)
    found = dict(config)
    for member, why in DROPPED.items():
        if found.pop(member, None):
            adapting.note(member, why)
    for member in ("ConnectionMode", "CacheTagConfig"):
        if found.pop(member, None) not in (None, "direct"):
            adapting.note(member, "edgesim has no such thing; left out")
    origins = found["Origins"]
    found["Origins"] = {**origins, "Items": [adapting.origin(one, n) for n, one in enumerate(origins["Items"])]}
    found["DefaultCacheBehavior"] = adapting.behavior(found["DefaultCacheBehavior"], "DefaultCacheBehavior")
    rest = found.get("CacheBehaviors")
    if rest and rest.get("Items"):
        items = [adapting.behavior(one, f"CacheBehaviors.Items[{n}]") for n, one in enumerate(rest["Items"])]
        found["CacheBehaviors"] = {**rest, "Items": items}
    return adapting.certificate(found, certify)


class _Adapting:
    def __init__(self, account: Account, path: str, notes: list[Note]) -> None:
        self.account = account
        self.path = path
        self.notes = notes

    def note(self, field: str, why: str) -> None:
        self.notes.append(Note(f"{self.path}.{field}".strip("."), why))

    def origin(self, given: Mapping[str, Any], number: int) -> dict[str, Any]:
        found, path = dict(given), f"Origins.Items[{number}]"
        control = found.get("OriginAccessControlId")
        if control and self.account.find("origin-access-control", control) is None:
            found["OriginAccessControlId"] = ""
            self.note(f"{path}.OriginAccessControlId", f"{control} is not here: requests are not signed")
        bucket = found.get("S3OriginConfig")
        identity = str((bucket or {}).get("OriginAccessIdentity", ""))
        if identity and self.account.find("origin-access-identity", identity.rpartition("/")[2]) is None:
            found["S3OriginConfig"] = {**(bucket or {}), "OriginAccessIdentity": ""}
            self.note(f"{path}.S3OriginConfig.OriginAccessIdentity", f"{identity} is not here: left empty")
        if found.pop("VpcOriginConfig", None):
            found["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "match-viewer"}
            self.note(f"{path}.VpcOriginConfig", "there is no VPC here: an ordinary origin takes its place")
        custom = found.get("CustomOriginConfig")
        if custom and custom.get("OriginMtlsConfig"):
            found["CustomOriginConfig"] = {key: one for key, one in custom.items() if key != "OriginMtlsConfig"}
            self.note(f"{path}.CustomOriginConfig.OriginMtlsConfig", "the origin is shown no certificate here")
        return found

    def behavior(self, given: Mapping[str, Any], path: str) -> dict[str, Any]:
        found = dict(given)
        cached = found.get("CachePolicyId")
        if cached and self.account.find("cache-policy", cached) is None:
            found["CachePolicyId"] = KEEPS_CORRECT
            why = f"policy {cached} is not here; UseOriginCacheControlHeaders-QueryStrings takes its place"
            self.note(f"{path}.CachePolicyId", f"{why}: give its document too (aws cloudfront get-cache-policy)")
        for member, family in (
            ("OriginRequestPolicyId", "origin-request-policy"),
            ("ResponseHeadersPolicyId", "response-headers-policy"),
        ):
            id = found.get(member)
            if id and self.account.find(family, id) is None:
                del found[member]
                self.note(f"{path}.{member}", f"policy {id} is not here; left out: give its document too")
        for member in ("RealtimeLogConfigArn", "FieldLevelEncryptionId"):
            if id := found.pop(member, None):
                self.note(f"{path}.{member}", f"{id} is not here; left out")
        self._functions(found, path)
        self._keys(found, path)
        return found

    def _functions(self, behavior: dict[str, Any], path: str) -> None:
        if (behavior.pop("LambdaFunctionAssociations", None) or {}).get("Items"):
            self.note(f"{path}.LambdaFunctionAssociations", "Lambda@Edge does not run here; left out")
        given = (behavior.get("FunctionAssociations") or {}).get("Items") or []
        kept = []
        for number, one in enumerate(given):
            name = str(one.get("FunctionARN", "")).rpartition("/")[2]
            if self.account.find("function", name) is not None:
                kept.append({**one, "FunctionARN": self.account.arn("function", name)})
            else:
                self.note(f"{path}.FunctionAssociations.Items[{number}]", f"function {name} is not here; left out")
        if given:
            behavior["FunctionAssociations"] = {"Quantity": len(kept), **({"Items": kept} if kept else {})}

    def _keys(self, behavior: dict[str, Any], path: str) -> None:
        given = (behavior.get("TrustedKeyGroups") or {}).get("Items") or []
        kept = [id for id in given if self.account.find("key-group", id) is not None]
        if len(kept) < len(given):
            gone = ", ".join(id for id in given if id not in kept)
            why = "" if kept else ": nothing has to be signed"
            self.note(f"{path}.TrustedKeyGroups", f"key group {gone} is not here; left out{why}")
            behavior["TrustedKeyGroups"] = {
                "Enabled": bool(kept),
                "Quantity": len(kept),
                **({"Items": kept} if kept else {}),
            }

    def certificate(self, config: dict[str, Any], certify: Certify) -> dict[str, Any]:
        """A certificate of the local authority in place of one that only AWS has."""
        given = config.get("ViewerCertificate") or {}
        arn = given.get("ACMCertificateArn") or given.get("IAMCertificateId")
        if not arn or self.account.find("certificate", arn) is not None:
            return config
        names = [name for name in (config.get("Aliases") or {}).get("Items") or [] if "." in name]
        if not names:
            self.note("ViewerCertificate", f"{arn} is not here; CloudFront's own certificate takes its place")
            return {**config, "ViewerCertificate": {"CloudFrontDefaultCertificate": True}}
        kept = {key: given[key] for key in ("SSLSupportMethod", "MinimumProtocolVersion") if key in given}
        self.note("ViewerCertificate", f"{arn} is not here; one of the local authority for {', '.join(names)} is used")
        return {
            **config,
            "ViewerCertificate": {"SSLSupportMethod": "sni-only", **kept, "ACMCertificateArn": certify(names)},
        }
