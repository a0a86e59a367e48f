"""What ACM says of a certificate: the members of its Describe and List answers."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgesim.api.account import ACCOUNT, Account
from edgesim.tls.requested import FAMILY, IMPORTED, ISSUED, issue_due, names_of, users
from edgesim.tls.store import StoredCertificate, arn_for
from edgesim.tls.viewer import DEFAULT_NAMES
from edgesim.world.state import Record

MAILBOXES = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
"""Who is asked where a domain is validated by mail (ACM guide, email-validation)."""

OPTIONS = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}

_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}
_EXTENDED = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION",
    ExtendedKeyUsageOID.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
    ExtendedKeyUsageOID.CODE_SIGNING: "CODE_SIGNING",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "EMAIL_PROTECTION",
    ExtendedKeyUsageOID.TIME_STAMPING: "TIME_STAMPING",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP_SIGNING",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "ANY",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate of the account. Without ``record`` it is the world's own, without ``stored`` it has no key yet."""

    arn: str
    record: Record | None
    stored: StoredCertificate | None
    used_by: tuple[str, ...]
    """Ids of distributions."""

    @property
    def imported(self) -> bool:
        """Made elsewhere, and not renewed here."""
        if self.record is not None:
            return self.record.facts["type"] == IMPORTED
        return self.stored is not None and not self.stored.managed

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the domain name first."""
        if self.record is not None:
            return names_of(self.record)
        return self.stored.names if self.stored is not None else ()

    @property
    def algorithm(self) -> str:
        """Of its key."""
        if self.stored is not None:
            return self.stored.key_algorithm
        return str(self.record.config["KeyAlgorithm"]) if self.record is not None else ""

    @property
    def options(self) -> dict[str, str]:
        """As they were asked for."""
        chosen = self.record.config.get("Options", {}) if self.record is not None else {}
        return {**OPTIONS, **cast("dict[str, str]", chosen)}

    def status(self, now: float) -> str:
        """ACM's word for how it stands."""
        if self.stored is None:
            return "FAILED" if self.imported else "PENDING_VALIDATION"
        return "EXPIRED" if now > self.stored.not_after else "ISSUED"


def all_held(account: Account, region: str) -> list[Held]:
    """The certificates of a region, the world's own first; what is due is issued before.

    CloudFront's own certificate, for names under cloudfront.net, is nobody's to see.
    """
    store, world = account.certificates, account.world
    issue_due(store, world, account.now)
    used = users(store, world)
    prefix = f"arn:aws:acm:{region}:{ACCOUNT}:certificate/"
    own = [one for one in store.list() if not one.requested and one.arn != arn_for(DEFAULT_NAMES)]
    found = [Held(one.arn, None, one, tuple(used.get(one.arn, ()))) for one in own]
    requested = account.all(FAMILY)
    found += [Held(one.id, one, store.get(one.id), tuple(used.get(one.id, ()))) for one in requested]
    return [one for one in found if one.arn.startswith(prefix)]


def details(one: Held, account: Account) -> dict[str, Any]:
    """The members of a CertificateDetail."""
    facts = {
        "CertificateArn": one.arn,
        "DomainName": _domain_name(one),
        "SubjectAlternativeNames": list(one.names),
        "Status": one.status(account.now),
        "Type": IMPORTED if one.imported else ISSUED,
        "KeyAlgorithm": one.algorithm,
        "Subject": f"CN={_domain_name(one)}",
        "InUseBy": [account.arn("distribution", id) for id in one.used_by],
        "RenewalEligibility": _eligibility(one, account.now),
        "Options": one.options,
        "CertificateKeyPairOrigin": _key_pair_origin(one),
        **_times(one),
    }
    if not one.imported:
        facts["DomainValidationOptions"] = validations(one)
    if one.status(account.now) == "FAILED":
        facts["FailureReason"] = "OTHER"
    if one.stored is None:
        return {**facts, "Issuer": "Amazon", "KeyUsages": [], "ExtendedKeyUsages": []}
    return {**facts, **_of_leaf(one.stored), **_renewal(one, one.stored)}


def summary(one: Held, now: float) -> dict[str, Any]:
    """The members of a CertificateSummary."""
    facts = {
        "CertificateArn": one.arn,
        "DomainName": _domain_name(one),
        "SubjectAlternativeNameSummaries": list(one.names),
        "HasAdditionalSubjectAlternativeNames": False,
        "Status": one.status(now),
        "Type": IMPORTED if one.imported else ISSUED,
        "KeyAlgorithm": one.algorithm,
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "ExportOption": one.options["Export"],
        "InUse": bool(one.used_by),
        "Exported": one.record is not None and bool(one.record.facts.get("exported")),
        "RenewalEligibility": _eligibility(one, now),
        "CertificateKeyPairOrigin": _key_pair_origin(one),
        **_times(one),
    }
    if one.stored is not None:
        leaf = _of_leaf(one.stored)
        facts["KeyUsages"] = [usage["Name"] for usage in leaf["KeyUsages"]]
        facts["ExtendedKeyUsages"] = [usage["Name"] for usage in leaf["ExtendedKeyUsages"]]
        facts |= {key: leaf[key] for key in ("NotBefore", "NotAfter")}
    return facts


def validations(one: Held, status: str = "") -> list[dict[str, Any]]:
    """How each name is validated: a DNS record that is always the same for a domain, or mail to its owner."""
    config = one.record.config if one.record is not None else {"ValidationMethod": "DNS"}
    asked = cast("list[dict[str, str]]", config.get("DomainValidationOptions", ()))
    domains = {each["DomainName"]: each["ValidationDomain"] for each in asked}
    done = status or ("PENDING_VALIDATION" if one.stored is None else "SUCCESS")
    found = []
    for name in one.names:
        plain = name.removeprefix("*.")
        entry: dict[str, Any] = {
            "DomainName": name,
            "ValidationDomain": domains.get(name, plain if config["ValidationMethod"] == "EMAIL" else name),
            "ValidationStatus": done,
            "ValidationMethod": config["ValidationMethod"],
        }
        if config["ValidationMethod"] == "EMAIL":
            entry["ValidationEmails"] = [f"{box}@{entry['ValidationDomain']}" for box in MAILBOXES]
        else:
            entry["ResourceRecord"] = _dns_record(plain)
        found.append(entry)
    return found


def _dns_record(domain: str) -> dict[str, str]:
    """The CNAME that proves whose a domain is; a wildcard has that of its parent (ACM guide, dns-validation)."""
    seed = hashlib.sha512(f"{ACCOUNT} {domain}".encode()).digest()
    zone = "".join(string.ascii_lowercase[byte % 26] for byte in seed[32:42])
    return {
        "Name": f"_{seed[:16].hex()}.{domain}.",
        "Type": "CNAME",
        "Value": f"_{seed[16:32].hex()}.{zone}.acm-validations.aws.",
    }


def _times(one: Held) -> dict[str, float]:
    added = one.stored.added_at if one.stored is not None else None
    created = one.record.created if one.record is not None else added
    found = {"CreatedAt": created, "ImportedAt" if one.imported else "IssuedAt": added}
    return {name: at for name, at in found.items() if at is not None}


def _domain_name(one: Held) -> str:
    return str(one.record.config["DomainName"]) if one.record is not None else one.names[0]


def _key_pair_origin(one: Held) -> str:
    return "CUSTOMER_PROVIDED" if one.imported else "AWS_MANAGED"


def _eligibility(one: Held, now: float) -> str:
    """Every certificate issued here is renewed: who else reads its file cannot be seen."""
    return "ELIGIBLE" if not one.imported and one.status(now) == "ISSUED" else "INELIGIBLE"


def _renewal(one: Held, stored: StoredCertificate) -> dict[str, Any]:
    if stored.renewed_at is None:
        return {}
    checked = validations(one, "SUCCESS")
    summary = {"RenewalStatus": "SUCCESS", "DomainValidationOptions": checked, "UpdatedAt": stored.renewed_at}
    return {"RenewalSummary": summary}


@lru_cache(maxsize=4_096)
def _of_leaf(stored: StoredCertificate) -> Mapping[str, Any]:
    leaf = x509.load_pem_x509_certificates(stored.chain_pem)[0]
    serial = f"{stored.serial:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    return {
        "Serial": ":".join(serial[at : at + 2] for at in range(0, len(serial), 2)),
        "Subject": stored.subject,
        "Issuer": _issuer(leaf),
        "NotBefore": stored.not_before,
        "NotAfter": stored.not_after,
        "SignatureAlgorithm": _signature(leaf),
        "KeyUsages": [{"Name": name} for name in _key_usages(leaf)],
        "ExtendedKeyUsages": _extended_usages(leaf),
    }


def _issuer(leaf: x509.Certificate) -> str:
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in leaf.issuer.get_attributes_for_oid(oid):
            return str(attribute.value)
    return leaf.issuer.rfc4514_string()


def _signature(leaf: x509.Certificate) -> str:
    digest = leaf.signature_hash_algorithm
    kind = "ECDSA" if isinstance(leaf.signature_algorithm_parameters, ec.ECDSA) else "RSA"
    return f"{digest.name.upper() if digest is not None else ''}WITH{kind}"


def _key_usages(leaf: x509.Certificate) -> Sequence[str]:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ["ANY"]
    return [name for attribute, name in _USAGES.items() if getattr(usage, attribute)]


def _extended_usages(leaf: x509.Certificate) -> list[dict[str, str]]:
    try:
        found: Iterable[x509.ObjectIdentifier] = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return [{"Name": "NONE"}]
    return [{"Name": _EXTENDED.get(oid, "CUSTOM"), "OID": oid.dotted_string} for oid in found]
