"""CloudFormation and SAM templates: their CloudFront resources, and the certificates of ACM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from edgesim.api.importing.intrinsics import Intrinsics
from edgesim.api.importing.plan import Note, Plan, Resource, Unreadable, reference
from edgesim.api.importing.shapes import Converter, distribution

TYPES: Mapping[str, tuple[str, str, str]] = {
    "AWS::CloudFront::CachePolicy": ("cache-policy", "CachePolicyConfig", "CachePolicyConfig"),
    "AWS::CloudFront::CloudFrontOriginAccessIdentity": (
        "origin-access-identity",
        "CloudFrontOriginAccessIdentityConfig",
        "CloudFrontOriginAccessIdentityConfig",
    ),
    "AWS::CloudFront::ContinuousDeploymentPolicy": (
        "continuous-deployment-policy",
        "ContinuousDeploymentPolicyConfig",
        "ContinuousDeploymentPolicyConfig",
    ),
    "AWS::CloudFront::Distribution": ("distribution", "DistributionConfig", "DistributionConfig"),
    "AWS::CloudFront::Function": ("function", "FunctionConfig", "FunctionConfig"),
    "AWS::CloudFront::KeyGroup": ("key-group", "KeyGroupConfig", "KeyGroupConfig"),
    "AWS::CloudFront::OriginAccessControl": (
        "origin-access-control",
        "OriginAccessControlConfig",
        "OriginAccessControlConfig",
    ),
    "AWS::CloudFront::OriginRequestPolicy": (
        "origin-request-policy",
        "OriginRequestPolicyConfig",
        "OriginRequestPolicyConfig",
    ),
    "AWS::CloudFront::PublicKey": ("public-key", "PublicKeyConfig", "PublicKeyConfig"),
    "AWS::CloudFront::ResponseHeadersPolicy": (
        "response-headers-policy",
        "ResponseHeadersPolicyConfig",
        "ResponseHeadersPolicyConfig",
    ),
    "AWS::CloudFront::KeyValueStore": ("key-value-store", "", ""),
    "AWS::CertificateManager::Certificate": ("certificate", "", ""),
}
"""Resource types: family, the property that holds the configuration, and its shape in the API's model."""

ATTRIBUTES: Mapping[str, str] = {
    "Ref": "id",
    "Id": "id",
    "Arn": "arn",
    "FunctionARN": "arn",
    "FunctionMetadata.FunctionARN": "arn",
    "DomainName": "domain",
    "S3CanonicalUserId": "s3",
}
"""What Ref and GetAtt mean of a resource that is imported."""

STAND_INS: Mapping[str, str] = {
    "AWS::S3::Bucket": "{name}.s3.us-east-1.amazonaws.com",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "{name}.us-east-1.elb.amazonaws.com",
    "AWS::ElasticLoadBalancing::LoadBalancer": "{name}.us-east-1.elb.amazonaws.com",
    "AWS::Lambda::Url": "https://{name}.lambda-url.us-east-1.on.aws/",
    "AWS::ApiGatewayV2::Api": "{name}",
    "AWS::ApiGateway::RestApi": "{name}",
}
"""Names that AWS would only give when it makes the thing: a stand-in of the same form."""


def _loader() -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        """YAML with CloudFormation's short tags, and without dates: a template's are text."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def short(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", short)
    return Loader


LOADER = _loader()


def read(template: Mapping[str, Any], parameters: Mapping[str, str], name: str = "") -> Plan:
    """The plan of a template; ``name`` is the stack's. Raises Unreadable."""
    return _Template(template, parameters, name or "edgesim").plan()


class _Template:
    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str], name: str) -> None:
        self.resources = _mapping(template, "Resources")
        self.notes: list[Note] = []
        self.intrinsics = Intrinsics(
            {**_parameters(_mapping(template, "Parameters"), parameters, self.notes), "AWS::StackName": name},
            _mapping(template, "Mappings"),
            _mapping(template, "Conditions"),
            self._attribute,
        )
        if "Transform" in template and "AWS::Serverless-2016-10-31" not in str(template["Transform"]):
            self.notes.append(Note("Transform", f"{template['Transform']} is a macro that runs at AWS; not applied"))

    def plan(self) -> Plan:
        found = []
        for name, entry in self.resources.items():
            kind = str(entry.get("Type")) if isinstance(entry, Mapping) else ""
            if kind in TYPES:
                made = self._resource(str(name), entry, *TYPES[kind])
                if made is not None:
                    found.append(made)
            elif kind.startswith("AWS::CloudFront::"):
                self.notes.append(Note(f"Resources.{name}", f"{kind} is not imported"))
        return Plan("cloudformation", tuple(found), tuple(self.notes))

    def _present(self, entry: Mapping[str, Any]) -> bool:
        return "Condition" not in entry or self.intrinsics.condition(entry["Condition"])

    def _resource(self, name: str, entry: Mapping[str, Any], family: str, member: str, shape: str) -> Resource | None:
        path = f"Resources.{name}.Properties"
        try:
            if not self._present(entry):
                return None
            given = self.intrinsics.resolve(entry.get("Properties", {}))
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}") from None
        if not isinstance(given, Mapping):
            raise Unreadable(f"{path}: expected a mapping")
        tags = {
            str(one["Key"]): str(one["Value"]) for one in _list(given.get("Tags")) if {"Key", "Value"} <= one.keys()
        }
        if family == "certificate":
            names = [str(one) for one in _list(given.get("SubjectAlternativeNames"))]
            config = {"DomainName": str(given.get("DomainName", ""))} | (
                {"SubjectAlternativeNames": names} if names else {}
            )
            return Resource(name, family, config, path, tags)
        if family == "key-value-store":
            config = {key: str(given[key]) for key in ("Name", "Comment") if key in given}
            if "ImportSource" in given:
                self.notes.append(Note(f"{path}.ImportSource", "the store begins empty: put its keys through the API"))
            return Resource(name, family, {"Name": name, **config}, path, tags)
        converted = Converter(self.notes).convert(given.get(member, {}), shape, f"{path}.{member}")
        if family == "distribution":
            converted = distribution(converted, f"import-{name}")
        elif family == "function":
            converted.setdefault("Comment", "")
            code = str(given.get("FunctionCode", ""))
            converted = {"Name": str(given.get("Name", name)), "FunctionConfig": converted, "FunctionCode": code}
        elif family in ("public-key", "origin-access-identity"):
            converted.setdefault("CallerReference", f"import-{name}")
        return Resource(name, family, converted, f"{path}.{member}", tags)

    def _attribute(self, name: str, attribute: str) -> Any:
        entry = self.resources.get(name)
        if not isinstance(entry, Mapping):
            raise Unreadable(f"there is no parameter or resource {name[:60]!r}")
        if not self._present(entry):
            raise Unreadable(f"{name} is referred to, but its condition does not hold")
        kind = str(entry.get("Type"))
        if kind in TYPES:
            if (attribute, TYPES[kind][0]) == ("Ref", "key-value-store"):
                return reference(name, "name")
            known = "arn" if (attribute, TYPES[kind][0]) in _REF_IS_ARN else ATTRIBUTES.get(attribute)
            if known is None:
                raise Unreadable(f"Fn::GetAtt: {name} has no attribute {attribute[:60]!r} here")
            return reference(name, known)
        return self._stand_in(name, kind, entry, attribute)

    def _stand_in(self, name: str, kind: str, entry: Mapping[str, Any], attribute: str) -> str:
        given = entry.get("Properties") or {}
        bucket = given.get("BucketName") if isinstance(given, Mapping) else None
        label = bucket if isinstance(bucket, str) else name.lower()
        if attribute == "Ref" or kind not in STAND_INS:
            text = label if attribute in ("Ref", "Arn") else f"{label}.{attribute.lower().replace('.', '-')}.invalid"
        else:
            text = STAND_INS[kind].format(name=label)
        note = Note(f"Resources.{name}", f"{kind} is not made here; {text!r} stands for its {attribute}")
        if kind != "AWS::SSM::Parameter" and note not in self.notes:
            self.notes.append(note)
        return text


_REF_IS_ARN = {("Ref", "function"), ("Ref", "certificate"), ("Arn", "certificate")}


def _parameters(declared: Mapping[str, Any], given: Mapping[str, str], notes: list[Note]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if strange := [name for name in given if name not in declared]:
        raise Unreadable(f"the template has no parameter {strange[0]!r}; it has {', '.join(declared) or 'none'}")
    missing = []
    for name, entry in declared.items():
        kind = str(entry.get("Type", "String")) if isinstance(entry, Mapping) else "String"
        if name not in given and (not isinstance(entry, Mapping) or "Default" not in entry):
            missing.append(name)
            continue
        value: Any = given[name] if name in given else entry["Default"]
        allowed = entry.get("AllowedValues") if isinstance(entry, Mapping) else None
        if isinstance(allowed, list) and str(value) not in map(str, allowed):
            raise Unreadable(f"parameter {name}: {str(value)[:60]!r} is not one of {', '.join(map(str, allowed))}")
        if kind.startswith("AWS::SSM::Parameter::Value") and name not in given and name != "BootstrapVersion":
            notes.append(Note(f"Parameters.{name}", f"its value is in AWS; give one with --parameter {name}=VALUE"))
        found[name] = [part.strip() for part in str(value).split(",")] if "List" in kind else value
    if missing:
        example = " ".join(f"--parameter {name}=VALUE" for name in missing)
        raise Unreadable(f"these parameters have no default: {', '.join(missing)}; give them: {example}")
    return found


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key) or {}
    if not isinstance(found, Mapping):
        raise Unreadable(f"{key}: expected a mapping")
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
