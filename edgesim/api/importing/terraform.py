"""What ``terraform show -json`` prints, of a state or of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgesim.api.importing.plan import Note, Plan, Resource, linked, reference
from edgesim.api.importing.shapes import Converter, distribution

TYPES: Mapping[str, tuple[str, str]] = {
    "aws_cloudfront_cache_policy": ("cache-policy", "CachePolicyConfig"),
    "aws_cloudfront_continuous_deployment_policy": (
        "continuous-deployment-policy",
        "ContinuousDeploymentPolicyConfig",
    ),
    "aws_cloudfront_distribution": ("distribution", "DistributionConfig"),
    "aws_cloudfront_function": ("function", "FunctionConfig"),
    "aws_cloudfront_key_group": ("key-group", "KeyGroupConfig"),
    "aws_cloudfront_origin_access_control": ("origin-access-control", "OriginAccessControlConfig"),
    "aws_cloudfront_origin_access_identity": ("origin-access-identity", "CloudFrontOriginAccessIdentityConfig"),
    "aws_cloudfront_origin_request_policy": ("origin-request-policy", "OriginRequestPolicyConfig"),
    "aws_cloudfront_public_key": ("public-key", "PublicKeyConfig"),
    "aws_cloudfront_response_headers_policy": ("response-headers-policy", "ResponseHeadersPolicyConfig"),
    "aws_cloudfront_key_value_store": ("key-value-store", ""),
    "aws_acm_certificate": ("certificate", ""),
}
"""Resource types: family, and the shape in the API's model."""

BOOKKEEPING: Mapping[str, frozenset[str]] = {
    "distribution": frozenset(
        [
            "domain_name",
            "hosted_zone_id",
            "in_progress_validation_batches",
            "last_modified_time",
            "status",
            "trusted_key_groups",
            "trusted_signers",
            "caller_reference",
        ]
    ),
    "function": frozenset({"name", "code", "publish", "live_stage_etag", "status"}),
    "public-key": frozenset({"name_prefix"}),
    "origin-access-identity": frozenset({"cloudfront_access_identity_path", "iam_arn", "s3_canonical_user_id"}),
    "continuous-deployment-policy": frozenset({"last_modified_time"}),
}
"""Attributes that are computed, or that go elsewhere than into the configuration."""

ATTRIBUTES: Mapping[str, str] = {
    "id": "id",
    "arn": "arn",
    "domain_name": "domain",
    "cloudfront_access_identity_path": "path",
    "certificate_arn": "arn",
    "name": "name",
}

LISTS = frozenset({"trusted_key_groups", "items", "key_value_store_associations", "aliases", "trusted_signers"})
"""Attributes that are lists where a plan only knows what they refer to."""

_INDEX = re.compile(r"\[[^\]]*\]")


def read(document: Mapping[str, Any]) -> Plan:
    """The plan of a state or of a plan in Terraform's JSON."""
    notes: list[Note] = []
    planned = document.get("planned_values")
    root = ((planned or document.get("values") or {}).get("root_module")) or {}
    entries = [one for one in _modules(root) if one.get("mode") == "managed" and one.get("type") in TYPES]
    written = dict(_configurations((document.get("configuration") or {}).get("root_module") or {}, ""))
    found = []
    for entry in entries:
        values = dict(entry.get("values") or {})
        if planned:
            expressions = written.get(_INDEX.sub("", entry["address"]), {})
            values = _Unknown(entry["address"], entries, written, notes).filled(values, expressions, entry["address"])
        found.append(_resource(entry["address"], entry["type"], values, notes))
    return Plan("terraform", linked(found), tuple(notes))


def _modules(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources") or ()
    for child in module.get("child_modules") or ():
        yield from _modules(child)


def _configurations(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in module.get("resources") or ():
        yield prefix + one["address"], one.get("expressions") or {}
    for name, call in (module.get("module_calls") or {}).items():
        yield from _configurations(call.get("module") or {}, f"{prefix}module.{name}.")


def _resource(address: str, kind: str, values: Mapping[str, Any], notes: list[Note]) -> Resource:
    family, shape = TYPES[kind]
    tags = {str(key): str(value) for key, value in (values.get("tags") or {}).items()}
    was = frozenset(str(values[key]) for key in ("id", "arn") if values.get(key) and family != "function")
    if family == "function" and values.get("arn"):
        was = frozenset({str(values["arn"])})
    if family == "certificate":
        first = str(values.get("domain_name") or "")
        names = [str(one) for one in values.get("subject_alternative_names") or () if one and one != first]
        config: dict[str, Any] = {"DomainName": first} | ({"SubjectAlternativeNames": names} if names else {})
        return Resource(address, family, config, address, tags, was)
    if family == "key-value-store":
        stored = {"Name": str(values.get("name") or ""), "Comment": str(values.get("comment") or "")}
        return Resource(address, family, stored, address, tags, was)
    skipped = BOOKKEEPING.get(family, frozenset())
    given = {key: value for key, value in values.items() if key not in skipped}
    if family == "function":
        stores = given.pop("key_value_store_associations", None)
        given |= {"key_value_store_associations": [{"key_value_store_arn": one} for one in stores]} if stores else {}
    config = Converter(notes).convert(given, shape, address)
    if family == "distribution":
        config = distribution(config, f"import-{address}")
        aliases = config.get("Aliases")
        if aliases and "Items" not in aliases:
            del config["Aliases"]
    elif family == "function":
        config.setdefault("Comment", "")
        code = str(values.get("code") or "")
        config = {"Name": str(values.get("name") or ""), "FunctionConfig": config, "FunctionCode": code}
    elif family in ("public-key", "origin-access-identity"):
        config.setdefault("CallerReference", f"import-{address}")
        if family == "public-key":
            config.setdefault("Name", address.rpartition(".")[2])
        else:
            config.setdefault("Comment", "")
    return Resource(address, family, config, address, tags, was)


class _Unknown:
    """Fills in what a plan does not know yet, from what the configuration refers to."""

    def __init__(
        self,
        address: str,
        entries: list[Mapping[str, Any]],
        written: Mapping[str, Mapping[str, Any]],
        notes: list[Note],
    ) -> None:
        self._module = address.rpartition("aws_")[0] if address.startswith("module.") else ""
        self._known: dict[str, str] = {}
        for one in entries:
            self._known.setdefault(_INDEX.sub("", one["address"]), one["address"])
        self._written = written
        self._notes = notes

    def filled(self, values: Mapping[str, Any], expressions: Mapping[str, Any], path: str) -> dict[str, Any]:
        found = dict(values)
        for key, expression in expressions.items():
            value = found.get(key)
            if isinstance(expression, list) and isinstance(value, list):
                found[key] = self._blocks(value, expression, f"{path}.{key}")
            elif isinstance(expression, Mapping) and expression.get("references") and not _told(value):
                told = self._refer(key, expression["references"], f"{path}.{key}")
                if told:
                    found[key] = told if key in LISTS else told[0]
        return found

    def _blocks(self, values: list[Any], expressions: list[Any], path: str) -> list[Any]:
        """Blocks beside what was written for them; sets may have been sorted, so by what both say."""
        left = list(expressions)
        filled = []
        for index, value in enumerate(values):
            if not isinstance(value, Mapping):
                filled.append(value)
                continue
            fitting = next((one for one in left if isinstance(one, Mapping) and _agrees(value, one)), None)
            if fitting is None:
                filled.append(value)
                continue
            left.remove(fitting)
            filled.append(self.filled(value, fitting, f"{path}[{index}]"))
        return filled

    def _refer(self, key: str, names: list[str], path: str) -> list[str]:
        found = []
        for name in names:
            address, attribute = self._resource(name)
            if address and attribute in ATTRIBUTES and (told := reference(address, ATTRIBUTES[attribute])) not in found:
                found.append(told)
            elif name.startswith(f"{self._module}aws_s3_bucket.") and name.count(".") == 2 and key == "domain_name":
                label = name.split(".")[1].replace("_", "-")
                found.append(f"{label}.s3.us-east-1.amazonaws.com")
                self._notes.append(Note(path, f"known only to AWS; {found[-1]!r} stands for {name}"))
        if not found:
            label = names[0].split(".")[1] if names[0].count(".") > 1 else names[0]
            if key == "domain_name":
                found.append(f"{label.replace('_', '-')}.invalid")
                self._notes.append(Note(path, f"known only after apply; {found[-1]!r} stands for {names[0]}"))
            else:
                self._notes.append(Note(path, f"known only after apply ({names[0]}); left out"))
        return found

    def _resource(self, name: str) -> tuple[str, str]:
        """The address and the attribute a reference means; ("", "") for what is not imported."""
        parts = _INDEX.sub("", name).split(".")
        if len(parts) < 3:
            return "", ""
        address = f"{self._module}{parts[0]}.{parts[1]}"
        if parts[0] == "aws_acm_certificate_validation":
            told = (self._written.get(address, {}).get("certificate_arn") or {}).get("references") or [""]
            return self._resource(told[0])
        return self._known.get(address, ""), parts[2]


def _told(value: Any) -> bool:
    """Whether a plan knows a value: unknown ones are absent, null, or lists of null."""
    return bool(value) and not (isinstance(value, list) and all(one is None for one in value))


def _agrees(value: Mapping[str, Any], expressions: Mapping[str, Any]) -> bool:
    for key, expression in expressions.items():
        if isinstance(expression, Mapping) and "constant_value" in expression:
            told, constant = value.get(key), expression["constant_value"]
            if isinstance(told, list) and isinstance(constant, list):
                if sorted(map(str, told)) != sorted(map(str, constant)):
                    return False
            elif told is not None and str(told).lower() != str(constant).lower():
                return False
    return True
