"""ACM: certificates requested and imported, listed and described, tagged and deleted.

Source: ACM's service model and guide (request-public, dns-validation, import-certificate, managed-renewal).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.families.certificate_details import OPTIONS, Held, all_held, details
from edgesim.api.families.certificate_imports import chain_and_key, refused
from edgesim.api.families.certificate_lists import list_certificates
from edgesim.api.faults import fault
from edgesim.errors import ControlError
from edgesim.tls.names import CertificateError, address, canonical
from edgesim.tls.requested import FAMILY, IMPORTED, ISSUED
from edgesim.tls.store import KEY_TYPES, StoredCertificate
from edgesim.world.state import Record

HOUR = 3_600
MOST_NAMES = 10
"""Names in a certificate before a quota is raised."""

MOST_TAGS = 50
LONGEST_COMMON_NAME = 64

_SETTINGS = "certificate-account"
_ARN = re.compile(r"arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*", re.ASCII)
_USABLE_CURVES = ("EC_prime256v1",)


def viewer_certificate(account: Account, arn: str) -> StoredCertificate | None:
    """The certificate a distribution may show: it is in us-east-1, valid, and of a key CloudFront takes; else None."""
    for one in all_held(account, "us-east-1"):
        if one.arn == arn and one.stored is not None and one.status(account.now) == "ISSUED":
            return one.stored if one.algorithm.startswith("RSA") or one.algorithm in _USABLE_CURVES else None
    return None


# Requesting and importing


def request_certificate(call: Call) -> Mapping[str, Any]:
    """Note the request; the certificate is issued when it is due."""
    account, params = call.account, call.params
    config = _requested(call)
    tags = _tags(params.get("Tags", ()))
    token = params.get("IdempotencyToken")
    for record in account.all(FAMILY) if token else ():
        same = record.facts.get("token") == token and record.config == config
        if same and account.now - record.created < HOUR and record.id.startswith(_prefix(call)):
            return {"CertificateArn": record.id}
    facts = {"type": ISSUED, **({"token": token} if token else {})}
    arn = _prefix(call) + str(uuid.uuid4())
    account.put(FAMILY, arn, config, facts=facts, tags=tags, expect=0)
    return {"CertificateArn": arn}


def _requested(call: Call) -> dict[str, Any]:
    """The document of a request."""
    params, options = call.params, dict(call.params.get("Options", {}))
    for member in ("CertificateAuthorityArn", "ManagedBy"):
        if member in params:
            raise _invalid(f"edgesim does not emulate {member}: it issues from its own authority only.")
    method = params.get("ValidationMethod", "EMAIL")
    if method == "HTTP" or "ValidationMethod" in options:
        raise _invalid("HTTP validation is for certificates that CloudFront manages, which edgesim does not emulate.")
    names = list(
        dict.fromkeys(_name(one) for one in [params["DomainName"], *params.get("SubjectAlternativeNames", ())])
    )
    if len(names[0]) > LONGEST_COMMON_NAME:
        raise _invalid(f"The domain name is longer than {LONGEST_COMMON_NAME} characters: {names[0]}")
    if len(names) > MOST_NAMES and not call.account.lenient:
        words = f"The request has {len(names)} domain names; the quota is {MOST_NAMES} in a certificate."
        raise fault("LimitExceededException", words, of="acm")
    algorithm = params.get("KeyAlgorithm", "RSA_2048")
    if algorithm not in KEY_TYPES:
        raise _invalid(
            f"The key algorithm {algorithm} is for imported certificates only; it is one of {_all(KEY_TYPES)}."
        )
    asked = [dict(one) for one in params.get("DomainValidationOptions", ())]
    for one in asked:
        _check_validation_domain(one["DomainName"], one["ValidationDomain"], names)
    return {
        "DomainName": names[0],
        "SubjectAlternativeNames": names,
        "ValidationMethod": method,
        "KeyAlgorithm": algorithm,
        "Options": {**OPTIONS, **options},
        "DomainValidationOptions": asked,
    }


def _name(name: str) -> str:
    try:
        plain = canonical(name)
    except CertificateError:
        plain = ""
    if not plain or not name.isascii() or address(plain) is not None or "." not in plain:
        raise _invalid(f"The domain name is not valid: {name[:253]}")
    return plain


def _check_validation_domain(name: str, domain: str, names: Iterable[str]) -> None:
    plain = name.lower().removeprefix("*.")
    if name.lower() not in names or not f".{plain}".endswith(f".{domain.lower()}"):
        words = f"The validation domain of {name} must be the domain itself or one above it: {domain}"
        raise fault("InvalidDomainValidationOptionsException", words, of="acm")


def import_certificate(call: Call) -> Mapping[str, Any]:
    """Keep key and chain, then the document; with an ARN in place of what was imported before."""
    account, params = call.account, call.params
    old: Record | None = None
    if "CertificateArn" in params:
        held = _held(call)
        if held.record is None or not held.imported:
            raise refused(f"{held.arn} was not imported; only imported certificates can be imported again.")
        if "Tags" in params:
            raise refused("Tagging is not permitted on re-import.")
        old = held.record
    chain, key = chain_and_key(params, now=account.now, lenient=account.lenient)
    tags = None if old is not None else _tags(params.get("Tags", ()))
    arn = old.id if old is not None else _prefix(call) + str(uuid.uuid4())
    try:
        stored = account.certificates.import_pem(chain, key, now=account.now, arn=arn, requested=True)
    except CertificateError as error:
        raise refused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    config = {
        "DomainName": _common_name(stored) or stored.names[0],
        "SubjectAlternativeNames": list(stored.names),
        "KeyAlgorithm": stored.key_algorithm,
    }
    facts = {"type": IMPORTED, "fingerprint": stored.fingerprint_sha256}
    account.put(FAMILY, arn, config, facts=facts, tags=tags, expect=old.version if old is not None else 0)
    return {"CertificateArn": arn}


def _common_name(stored: StoredCertificate) -> str:
    leaf = x509.load_pem_x509_certificates(stored.chain_pem)[0]
    found = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


# Reading


def describe_certificate(call: Call) -> Mapping[str, Any]:
    """Everything about one."""
    return {"Certificate": details(_held(call), call.account)}


def get_certificate(call: Call) -> Mapping[str, Any]:
    """The certificate and its chain, in PEM."""
    return _pems(_issued(call), call.account)


def _pems(stored: StoredCertificate, account: Account) -> dict[str, str]:
    leaf, *issuers = x509.load_pem_x509_certificates(stored.chain_pem)
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in issuers)
    if stored.managed:
        chain = account.certificates.authority.pem
    found = {"Certificate": leaf.public_bytes(serialization.Encoding.PEM).decode()}
    return {**found, "CertificateChain": chain.decode()} if chain else found


def export_certificate(call: Call) -> Mapping[str, Any]:
    """The same and the private key under a passphrase, of those requested with Export ENABLED."""
    held = _held(call)
    if held.record is None or held.options["Export"] != "ENABLED":
        raise refused(
            f"Certificate {held.arn} cannot be exported: its Export option is not ENABLED, so it is for services "
            "integrated with ACM only."
        )
    stored = _issued(call)
    key = serialization.load_pem_private_key(stored.path.read_bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(bytes(call.params["Passphrase"])),
    )
    record = held.record
    facts = {**record.facts, "exported": True}
    call.account.put(FAMILY, record.id, record.config, facts=facts, expect=record.version)
    return {**_pems(stored, call.account), "PrivateKey": pem.decode()}


# Changing


def delete_certificate(call: Call) -> Mapping[str, Any]:
    """Document first, key after: what is left if the process ends between serves nothing."""
    held = _held(call)
    if held.used_by:
        words = f"Certificate {held.arn} in account {call.account.id} is in use by distribution {_all(held.used_by)}."
        raise fault("ResourceInUseException", words, of="acm")
    record = _own(held, call.account)
    call.account.drop(record)
    call.account.certificates.remove(record.id)
    return {}


def renew_certificate(call: Call) -> Mapping[str, Any]:
    """Refused as ACM refuses it: only exported certificates of a private authority are renewed by hand."""
    held = _held(call)
    raise refused(f"Certificate {held.arn} is renewed by ACM itself, 60 days before it expires, or by importing again.")


def resend_validation_email(call: Call) -> Mapping[str, Any]:
    """Nothing is sent, as nothing was; refused where ACM would."""
    held = _held(call)
    record = held.record
    if held.stored is not None or record is None or record.config.get("ValidationMethod") != "EMAIL":
        words = f"Certificate {held.arn} does not wait for validation by mail."
        raise fault("InvalidStateException", words, of="acm")
    _check_validation_domain(call.params["Domain"], call.params["ValidationDomain"], held.names)
    return {}


def update_certificate_options(call: Call) -> Mapping[str, Any]:
    """Change the options of a certificate that was issued."""
    held, options = _held(call), call.params["Options"]
    record = _own(held, call.account)
    if held.imported or held.status(call.account.now) != "ISSUED":
        raise fault("InvalidStateException", f"Certificate {held.arn} is not an issued one of ACM's own.", of="acm")
    if "ValidationMethod" in options:
        raise refused("edgesim does not emulate changing the validation method.")
    _put(call, record, config={**record.config, "Options": {**held.options, **options}})
    return {}


def add_tags(call: Call) -> Mapping[str, Any]:
    """Add tags, or replace those with the same keys."""
    record = _own(_held(call), call.account)
    tags = {**record.tags, **_tags(call.params["Tags"])}
    if len(tags) > MOST_TAGS:
        raise fault("TooManyTagsException", of="acm")
    _put(call, record, tags=tags)
    return {}


def remove_tags(call: Call) -> Mapping[str, Any]:
    """Take tags away; where a value is given, only from that value."""
    record = _own(_held(call), call.account)
    gone = {
        one["Key"]
        for one in call.params["Tags"]
        if one.get("Value", record.tags.get(one["Key"])) == record.tags.get(one["Key"])
    }
    _put(call, record, tags={key: value for key, value in record.tags.items() if key not in gone})
    return {}


def list_tags(call: Call) -> Mapping[str, Any]:
    """The tags."""
    record = _held(call).record
    return {"Tags": [{"Key": key, "Value": value} for key, value in record.tags.items()] if record is not None else []}


def get_account_configuration(call: Call) -> Mapping[str, Any]:
    """When ACM would speak up about certificates that expire; nobody hears it here."""
    record = call.account.find(_SETTINGS, "account")
    return {"ExpiryEvents": record.config["ExpiryEvents"] if record is not None else {"DaysBeforeExpiry": 45}}


def put_account_configuration(call: Call) -> Mapping[str, Any]:
    """Keep it."""
    record = call.account.find(_SETTINGS, "account")
    if events := call.params.get("ExpiryEvents"):
        call.account.put(
            _SETTINGS, "account", {"ExpiryEvents": events}, expect=record.version if record is not None else 0
        )
    return {}


# Shared


def _prefix(call: Call) -> str:
    return f"arn:aws:acm:{call.region}:{call.account.id}:certificate/"


def _held(call: Call) -> Held:
    """The certificate a call names. Raises ControlError ValidationException or ResourceNotFoundException."""
    arn = str(call.params["CertificateArn"])
    if not _ARN.fullmatch(arn):
        raise refused(f"Could not parse the ARN {arn[:200]}")
    for one in all_held(call.account, call.region):
        if one.arn == arn:
            return one
    raise fault("ResourceNotFoundException", f"Could not find certificate {arn}.", of="acm")


def _issued(call: Call) -> StoredCertificate:
    held = _held(call)
    if held.stored is None:
        words = f"The certificate {held.arn} is not issued yet: {held.status(call.account.now)}."
        raise fault("RequestInProgressException", words, of="acm")
    return held.stored


def _own(held: Held, account: Account) -> Record:
    """The document of a certificate that came by the API."""
    if held.record is None:
        words = f"{held.arn} belongs to the world file {account.world.source}, and changes only there."
        raise ControlError("AccessDeniedException", words, 400)
    return held.record


def _put(
    call: Call, record: Record, *, config: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
) -> None:
    call.account.put(FAMILY, record.id, config or record.config, tags=tags, expect=record.version)


def _tags(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found = {one["Key"]: one.get("Value", "") for one in given}
    if any(key.lower().startswith("aws:") for key in found):
        raise fault("InvalidTagException", "Tag keys that begin with aws: are reserved.", of="acm")
    if len(found) > MOST_TAGS:
        raise fault("TooManyTagsException", of="acm")
    return found


def _all(names: Iterable[str]) -> str:
    return ", ".join(names)


def _invalid(message: str) -> ControlError:
    return fault("InvalidParameterException", message, of="acm")


ACM_OPERATIONS: Mapping[str, Handler] = {
    "RequestCertificate": request_certificate,
    "ImportCertificate": import_certificate,
    "DescribeCertificate": describe_certificate,
    "GetCertificate": get_certificate,
    "ExportCertificate": export_certificate,
    "ListCertificates": list_certificates,
    "DeleteCertificate": delete_certificate,
    "RenewCertificate": renew_certificate,
    "ResendValidationEmail": resend_validation_email,
    "UpdateCertificateOptions": update_certificate_options,
    "AddTagsToCertificate": add_tags,
    "RemoveTagsFromCertificate": remove_tags,
    "ListTagsForCertificate": list_tags,
    "GetAccountConfiguration": get_account_configuration,
    "PutAccountConfiguration": put_account_configuration,
}
