"""Carrying a plan out through the operations of the API: all of it, or nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgesim.api import families
from edgesim.api.account import Account
from edgesim.api.call import Call
from edgesim.api.faults import fault
from edgesim.api.importing.adapting import adapt
from edgesim.api.importing.plan import Note, Plan, Resource, Unreadable, fill, ordered
from edgesim.api.model import service
from edgesim.api.validation import check, miscounted, summary
from edgesim.errors import ControlError
from edgesim.world.state import Record

CREATES: Mapping[str, tuple[str, str]] = {
    "cache-policy": ("CreateCachePolicy", "CachePolicy"),
    "continuous-deployment-policy": ("CreateContinuousDeploymentPolicy", "ContinuousDeploymentPolicy"),
    "key-group": ("CreateKeyGroup", "KeyGroup"),
    "origin-access-control": ("CreateOriginAccessControl", "OriginAccessControl"),
    "origin-access-identity": ("CreateCloudFrontOriginAccessIdentity", "CloudFrontOriginAccessIdentity"),
    "origin-request-policy": ("CreateOriginRequestPolicy", "OriginRequestPolicy"),
    "public-key": ("CreatePublicKey", "PublicKey"),
    "response-headers-policy": ("CreateResponseHeadersPolicy", "ResponseHeadersPolicy"),
}
"""The operation that creates one of a family, and its output's member."""

ADDRESS = "origin-address"


@dataclass(slots=True)
class Report:
    """What came of it: ids by family in ``made``; ``unmapped`` origins have no address on this machine."""

    distributions: list[dict[str, Any]] = field(default_factory=list)
    made: list[dict[str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    unmapped: list[dict[str, str]] = field(default_factory=list)


def carry_out(account: Account, plan: Plan, addresses: Mapping[str, str], name: str = "") -> Report:
    """Make everything of a plan; ``addresses`` are URLs by origin id or domain, ``name`` the distribution's Name tag.

    Raises ControlError, and the World is as it was, when anything is refused.
    """
    if name and len(plan.of("distribution")) > 1 and plan.kind != "cloudformation":
        raise Unreadable("a name is for one distribution; this has several")
    given = _domains(account, plan, addresses)
    before = account.world.records
    try:
        report = _Carrying(account, plan, name).run()
        for domain, url in given.items():
            old = account.world.records.get(ADDRESS, {}).get(domain)
            account.put(ADDRESS, domain, {"url": url}, expect=old.version if old else 0)
        report.unmapped = _unmapped(account, [one["id"] for one in report.distributions])
    except BaseException:
        _undo(account, before)
        raise
    return report


def _domains(account: Account, plan: Plan, addresses: Mapping[str, str]) -> dict[str, str]:
    """URLs by domain; raises Unreadable for what no distribution has."""
    known: dict[str, str] = {}
    configs: list[Mapping[str, Any]] = [one.config for one in account.all("distribution")]
    for config in (*configs, *(one.config for one in plan.of("distribution"))):
        for origin in (config.get("Origins") or {}).get("Items", ()):
            domain = str(origin["DomainName"]).lower()
            known |= {str(origin["Id"]): domain, domain: domain}
    found: dict[str, str] = {}
    for key, url in addresses.items():
        leads = known.get(key) or known.get(key.lower())
        if leads is None:
            raise Unreadable(
                f"--origin {key}: no distribution has an origin {key[:80]!r}; there are {', '.join(known)}"
            )
        if not url.startswith(("http://", "https://")):
            raise Unreadable(f"--origin {key}={url}: expected a URL such as http://127.0.0.1:3000")
        found[leads] = url
    return found


def _unmapped(account: Account, ids: list[str]) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for id in ids:
        made = account.world.distributions.get(id)
        for origin in made.origins.values() if made else ():
            if not origin.address:
                command = f"edgesim import --origin {origin.domain}=http://127.0.0.1:3000"
                found.setdefault(origin.domain, {"origin": origin.id, "domain": origin.domain, "command": command})
    return list(found.values())


def _undo(account: Account, before: Mapping[str, Mapping[str, Record]]) -> None:
    """Take away what came since; the last made goes first."""
    order = ("continuous-deployment-policy", "distribution", "key-group")
    now = account.world.records
    for family in sorted(now, key=lambda one: order.index(one) if one in order else len(order)):
        for id, record in reversed(list(now[family].items())):
            old = before.get(family, {}).get(id)
            if old is None:
                account.drop(record)
            elif old.version != record.version:
                account.put(family, id, old.config, expect=record.version, facts=old.facts, tags=old.tags)


class _Carrying:
    def __init__(self, account: Account, plan: Plan, name: str) -> None:
        self.account = account
        self.plan = plan
        self.name = name
        self.report = Report(notes=list(plan.notes))
        self.known: dict[str, dict[str, str]] = {}

    def run(self) -> Report:
        for resource in ordered(self.plan.resources):
            try:
                self._make(resource)
            except ControlError as error:
                message = f"{resource.path or resource.family}: {error.message}"
                raise ControlError(error.code, f"{message} Nothing was imported.", 409) from None
        return self.report

    def _make(self, resource: Resource) -> None:
        config = fill(copy.deepcopy(dict(resource.config)), self._attribute)
        if resource.family == "distribution":
            made = self._distribution(resource, config)
        elif resource.family == "function":
            self._stores(config, resource.path)
            made = self._function(config)
        elif resource.family == "key-value-store":
            made = self._store(resource, config)
        elif resource.family == "certificate":
            arn = self._certify([config["DomainName"], *config.get("SubjectAlternativeNames", ())])
            why = f"the local authority issues it for {config['DomainName']}; nothing has to be validated"
            self.report.notes.append(Note(resource.path, why))
            made = {"id": arn, "arn": arn}
        else:
            made = self._regular(resource, config)
        self.known[resource.name] = made
        self.report.made.append({"name": resource.name, "family": resource.family, "id": made["id"]})

    def _attribute(self, name: str, attribute: str) -> str:
        found = self.known.get(name, {})
        if attribute not in found:
            raise Unreadable(f"{name} has no {attribute} here")
        return found[attribute]

    def _regular(self, resource: Resource, config: dict[str, Any]) -> dict[str, str]:
        operation, member = CREATES[resource.family]
        if "CallerReference" in (service("cloudfront").shape_for(f"{member}Config").members):  # type: ignore[attr-defined]
            config.setdefault("CallerReference", f"import-{resource.name}")
        try:
            made = self._call(operation, {f"{member}Config": config})[member]
            id = str(made["Id"])
        except ControlError as error:
            same = self._same(resource.family, config) if error.code.endswith("AlreadyExists") else None
            if same is None:
                raise
            self.report.notes.append(Note(resource.path, f"{same.id} is here already and the same; it is used"))
            made, id = {}, same.id
        identity = {"path": f"origin-access-identity/cloudfront/{id}"} if member.endswith("AccessIdentity") else {}
        return {"id": id, "s3": str(made.get("S3CanonicalUserId", "")), **identity}

    def _same(self, family: str, config: Mapping[str, Any]) -> Record | None:
        """A document that is here already and says all that this one says."""
        plain = {key: one for key, one in config.items() if key != "CallerReference"}
        return next((one for one in self.account.all(family) if _within(plain, one.config)), None)

    def _function(self, config: Mapping[str, Any]) -> dict[str, str]:
        name, arn = str(config["Name"]), self.account.arn("function", str(config["Name"]))
        made = {"id": name, "arn": arn, "name": name}
        try:
            given = {**config, "FunctionCode": str(config["FunctionCode"]).encode()}
            etag = self._call("CreateFunction", given)["ETag"]
        except ControlError as error:
            if error.code != "FunctionAlreadyExists":
                raise
            why = f"a function {name} is here already; it is used as it is"
            self.report.notes.append(Note(f"function {name}", why))
            return made
        self._call("PublishFunction", {"Name": name, "IfMatch": etag})
        return made

    def _store(self, resource: Resource, config: Mapping[str, Any]) -> dict[str, str]:
        try:
            made = self._call("CreateKeyValueStore", dict(config))["KeyValueStore"]
            return {"id": str(made["Id"]), "arn": str(made["ARN"]), "name": str(made["Name"])}
        except ControlError as error:
            there = self.account.find("key-value-store", str(config["Name"]))
            if error.code != "EntityAlreadyExists" or there is None:
                raise
            self.report.notes.append(Note(resource.path, f"a store {there.id} is here already; it is used as it is"))
            return {"id": str(there.facts["id"]), "arn": str(there.facts["arn"]), "name": there.id}

    def _stores(self, config: dict[str, Any], path: str) -> None:
        """Leave out the stores a function names that are not here."""
        known = {record.facts["arn"] for record in self.account.all("key-value-store")}
        given = (config["FunctionConfig"].get("KeyValueStoreAssociations") or {}).get("Items") or []
        kept = [one for one in given if one["KeyValueStoreARN"] in known]
        if len(kept) < len(given):
            self.report.notes.append(Note(f"{path}.KeyValueStoreAssociations", "a store that is not here; left out"))
            del config["FunctionConfig"]["KeyValueStoreAssociations"]

    def _certify(self, names: list[str]) -> str:
        first, *rest = dict.fromkeys(name.lower() for name in names)
        for record in self.account.all("certificate"):
            if record.config.get("SubjectAlternativeNames") == [first, *rest]:
                return record.id
        asked = {"DomainName": first, "ValidationMethod": "DNS"} | ({"SubjectAlternativeNames": rest} if rest else {})
        arn = str(self._call("RequestCertificate", asked, "acm")["CertificateArn"])
        status = self._call("DescribeCertificate", {"CertificateArn": arn}, "acm")["Certificate"]["Status"]
        if status != "ISSUED":
            why = f"the certificate for {first} is {status}: set propagation.certificates to 0 while importing."
            raise fault("InvalidViewerCertificate", why)
        return arn

    def _distribution(self, resource: Resource, config: dict[str, Any]) -> dict[str, str]:
        config = adapt(self.account, config, resource.path, self.report.notes, self._certify)
        config.setdefault("CallerReference", f"import-{resource.name}")
        tags = dict(resource.tags) | ({"Name": self.name} if self.name else {})
        if tags:
            listed = [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]
            params = {"DistributionConfigWithTags": {"DistributionConfig": config, "Tags": {"Items": listed}}}
            made = self._call("CreateDistributionWithTags", params)["Distribution"]
        else:
            made = self._call("CreateDistribution", {"DistributionConfig": config})["Distribution"]
        aliases = (made["DistributionConfig"].get("Aliases") or {}).get("Items") or []
        facts = {"id": made["Id"], "domain": made["DomainName"], "aliases": list(aliases), "name": resource.name}
        self.report.distributions.append(facts)
        return {"id": made["Id"], "arn": made["ARN"], "domain": made["DomainName"]}

    def _call(self, operation: str, params: dict[str, Any], of: str = "cloudfront") -> Mapping[str, Any]:
        """Carry out an operation as a client would have it: values checked, quantities put right."""
        handlers = families.CLOUDFRONT if of == "cloudfront" else families.ACM
        model = service(of).operation_model(operation).input_shape
        list(miscounted(model, params, repair=True))
        if wrong := list(check(model, params)):
            raise fault("MalformedXML", summary(wrong))
        return handlers[operation](Call(operation, params, self.account))


def _within(given: Any, found: Any) -> bool:
    if isinstance(given, Mapping):
        return isinstance(found, Mapping) and all(_within(one, found.get(key)) for key, one in given.items())
    return bool(given == found)
