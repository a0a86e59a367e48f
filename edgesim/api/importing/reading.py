"""Which kind of document a text is, and the plan of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from edgesim.api.importing import cloudformation, terraform
from edgesim.api.importing.plan import Plan, Resource, Unreadable, linked
from edgesim.api.importing.shapes import mistakes, shape

KINDS = (
    "what `aws cloudfront get-distribution-config` or `get-distribution` prints, a CloudFormation or SAM template, "
    "or `terraform show -json`"
)

PRINTED: Mapping[str, tuple[str, str, str]] = {
    "Distribution": ("distribution", "DistributionConfig", "DistributionConfig"),
    "CachePolicy": ("cache-policy", "CachePolicyConfig", "CachePolicyConfig"),
    "OriginRequestPolicy": ("origin-request-policy", "OriginRequestPolicyConfig", "OriginRequestPolicyConfig"),
    "ResponseHeadersPolicy": ("response-headers-policy", "ResponseHeadersPolicyConfig", "ResponseHeadersPolicyConfig"),
    "OriginAccessControl": ("origin-access-control", "OriginAccessControlConfig", "OriginAccessControlConfig"),
    "CloudFrontOriginAccessIdentity": (
        "origin-access-identity",
        "CloudFrontOriginAccessIdentityConfig",
        "CloudFrontOriginAccessIdentityConfig",
    ),
    "PublicKey": ("public-key", "PublicKeyConfig", "PublicKeyConfig"),
    "KeyGroup": ("key-group", "KeyGroupConfig", "KeyGroupConfig"),
}
"""What `aws cloudfront get-...` prints: family, the member with the configuration, its shape."""


def parse(text: str) -> Any:
    """The value of a JSON or YAML text, with CloudFormation's short tags; raises Unreadable."""
    try:
        try:
            return json.loads(text)
        except ValueError:
            return yaml.load(text, cloudformation.LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise Unreadable(f"{where}neither JSON nor YAML: {getattr(error, 'problem', None) or error}") from None
    except (RecursionError, ValueError, TypeError) as error:
        raise Unreadable(f"not a document one can read: {error}") from None


def read(text: str, parameters: Mapping[str, str] | None = None, name: str = "") -> Plan:
    """The plan of a text; ``parameters`` and ``name`` (the stack's) are for templates. Raises Unreadable."""
    document = parse(text)
    kind = kind_of(document)
    if parameters and kind != "cloudformation":
        raise Unreadable("parameters belong to CloudFormation templates")
    try:
        if kind == "cloudformation":
            return cloudformation.read(document, parameters or {}, name)
        if kind == "terraform":
            return terraform.read(document)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except (AttributeError, TypeError, KeyError) as error:
        raise Unreadable(f"not as a {kind} document should be: {error}") from None
    if kind == "distribution":
        return _printed(document)
    raise Unreadable(f"this is not {KINDS}")


def kind_of(document: Any) -> str:
    """``cloudformation``, ``terraform``, ``distribution`` (the AWS CLI's), ``world``, or "" for anything else."""
    if not isinstance(document, Mapping):
        return ""
    if isinstance(document.get("Resources"), Mapping):
        return "cloudformation"
    if "format_version" in document or "planned_values" in document:
        return "terraform"
    if "DistributionConfig" in document or "Origins" in document or any(key in document for key in PRINTED):
        return "distribution"
    return "world" if {"edges", "origins", "distributions", "site", "cloudfront"} & document.keys() else ""


def joined(plans: Sequence[Plan]) -> Plan:
    """Several documents as one: ids of one that another names become references."""
    named: dict[str, Resource] = {}
    for plan in plans:
        for one in plan.resources:
            if one.name in named:
                raise Unreadable(f"{one.name} is in more than one of the documents")
            named[one.name] = one
    kinds = dict.fromkeys(plan.kind for plan in plans)
    return Plan(", ".join(kinds), linked(named.values()), tuple(note for plan in plans for note in plan.notes))


def _printed(document: Mapping[str, Any]) -> Plan:
    for key, (family, member, of) in PRINTED.items():
        if isinstance(holder := document.get(key), Mapping):
            config, id, arn = holder.get(member), str(holder.get("Id", "")), str(holder.get("ARN", ""))
            return _one(family, config, of, f"{key}.{member}", id, arn)
    if "DistributionConfig" in document:
        return _one("distribution", document["DistributionConfig"], "DistributionConfig", "DistributionConfig", "", "")
    return _one("distribution", document, "DistributionConfig", "", "", "")


def _one(family: str, config: Any, of: str, path: str, id: str, arn: str) -> Plan:
    model = shape(of)
    if wrong := mistakes(config, model, path):
        raise Unreadable("; ".join(wrong[:10]))
    absent = [member for member in model.required_members if member not in config and member != "CallerReference"]
    if absent:
        raise Unreadable(f"{path or 'the document'}: {', '.join(absent)} missing")
    name = id or str(config.get("CallerReference") or config.get("Name") or of)
    return Plan("distribution", (Resource(name, family, config, path, {}, frozenset({id, arn} - {""})),), ())
