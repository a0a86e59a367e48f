"""What CloudFront demands of origins and origin groups (spec §6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgesim.api.account import Account
from edgesim.api.families.checks import Document, Row, at_most, between, check_rows, items, one_of
from edgesim.api.faults import fault
from edgesim.tls.names import CertificateError, address, canonical

S3_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]*\.s3([.-](dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", re.ASCII)
"""Domain names of buckets; a website endpoint (``s3-website``) is a custom origin instead."""

SHIELD_REGIONS = (
    "us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1",
    "ap-southeast-2", "eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1", "me-central-1",
)  # fmt: skip
FAILOVER_CODES = (400, 403, 404, 416, 429, 500, 502, 503, 504)
MOST_HEADER_BYTES = 10_240
FORBIDDEN_HEADERS = frozenset({
    "cache-control", "connection", "content-length", "cookie", "host", "if-match", "if-modified-since",
    "if-none-match", "if-range", "if-unmodified-since", "max-forwards", "pragma", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "range", "request-range", "te", "trailer", "transfer-encoding",
    "upgrade", "via", "x-real-ip",
})  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_SERVICES = {"lambda": ".lambda-url.", "mediastore": ".mediastore.", "mediapackagev2": ".mediapackagev2."}
_IDENTITY = "origin-access-identity/cloudfront/"


def _port(value: int) -> bool:
    return value in (80, 443) or 1024 <= value <= 65_535


def _path(value: str) -> bool:
    return not value or (value.startswith("/") and not value.endswith("/") and len(value) <= 255 and value.isascii())


def _header(value: str) -> bool:
    name = value.lower()
    return name not in FORBIDDEN_HEADERS and not name.startswith(("x-amz-", "x-edge-"))


_EACH = "Origins.Items[]"
_CUSTOM = f"{_EACH}.CustomOriginConfig"
_HEADERS = f"{_EACH}.CustomHeaders.Items[]"
_BAD_PORT = "The parameter {value} is not a port CloudFront connects to: 80, 443 or 1024 to 65535."
ROWS = (
    Row("Origins.Items", at_most(100), "TooManyOrigins"),
    Row("Origins.Items", bool, "InvalidArgument", "The parameter Origins needs at least one origin."),
    Row(f"{_EACH}.Id", at_most(128), "InvalidArgument", "The parameter Origin Id is too long: 128 characters at most."),
    Row(f"{_EACH}.Id", bool, "InvalidArgument", "The parameter Origin Id is required."),
    Row(f"{_EACH}.OriginPath", _path, "InvalidArgument", "The parameter OriginPath must begin with a '/', must not end "
        "with one, and has at most 255 characters: {value}"),
    Row(f"{_EACH}.CustomHeaders.Items", at_most(30), "TooManyOriginCustomHeaders"),
    Row(f"{_HEADERS}.HeaderName", lambda name: len(name) <= 256 and bool(_TOKEN.fullmatch(name)), "InvalidArgument",
        "The parameter HeaderName is not a valid header name of at most 256 characters: {value}"),
    Row(f"{_HEADERS}.HeaderName", _header, "InvalidArgument", "The parameter HeaderName with value {value} is not "
        "allowed."),
    Row(f"{_HEADERS}.HeaderValue", lambda text: len(text) <= 1_783 and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text),
        "InvalidArgument", "The parameter HeaderValue has more than 1783 characters, or control characters."),
    Row(f"{_EACH}.ConnectionAttempts", between(1, 3), "InvalidArgument", "The parameter ConnectionAttempts must be "
        "from 1 to 3: {value}"),
    Row(f"{_EACH}.ConnectionTimeout", between(1, 10), "InvalidArgument", "The parameter ConnectionTimeout must be from "
        "1 to 10: {value}"),
    Row(f"{_CUSTOM}.HTTPPort", _port, "InvalidArgument", _BAD_PORT),
    Row(f"{_CUSTOM}.HTTPSPort", _port, "InvalidArgument", _BAD_PORT),
    Row(f"{_CUSTOM}.OriginReadTimeout", between(1, 120), "InvalidOriginReadTimeout"),
    Row(f"{_EACH}.S3OriginConfig.OriginReadTimeout", between(1, 120), "InvalidOriginReadTimeout"),
    Row(f"{_CUSTOM}.OriginKeepaliveTimeout", between(1, 120), "InvalidOriginKeepaliveTimeout"),
    Row(f"{_CUSTOM}.OriginSslProtocols.Items", bool, "InvalidArgument", "The parameter OriginSslProtocols is empty."),
    Row(f"{_EACH}.OriginShield.OriginShieldRegion", one_of(SHIELD_REGIONS), "InvalidArgument",
        "The parameter OriginShieldRegion is not a region with Origin Shield: {value}"),
    Row("OriginGroups.Items", at_most(10), "TooManyOriginGroupsPerDistribution"),
    Row("OriginGroups.Items[].FailoverCriteria.StatusCodes.Items[]", one_of(FAILOVER_CODES), "InvalidArgument",
        "The parameter StatusCodes has a status no failover can have as its reason: {value}"),
)  # fmt: skip


def check_origins(account: Account, config: Document) -> None:
    """Refuse what is wrong with the origins and groups of a distribution. Raises ControlError."""
    check_rows(config, ROWS)
    origins = items(config, "Origins")
    names = [one["Id"] for one in (*origins, *items(config, "OriginGroups"))]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise fault("InvalidArgument", f"The parameter Id of origins and origin groups must be unique: {twice}")
    for origin in origins:
        _check_origin(account, origin)
    for group in items(config, "OriginGroups"):
        _check_group(group, [one["Id"] for one in origins])


def loopback(name: str) -> bool:
    """A name or address of this machine, which edgesim takes where CloudFront demands a public name."""
    ip = address(name) if name else None
    return ip.is_loopback if ip is not None else name == "localhost" or name.endswith(".localhost")


def is_bucket(origin: Document) -> bool:
    """True for an origin that is an S3 bucket and not a web server."""
    return "S3OriginConfig" in origin


def _check_origin(account: Account, origin: Document) -> None:
    kinds = [name for name in ("S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig") if name in origin]
    if len(kinds) != 1:
        raise fault(
            "InvalidArgument",
            "Exactly one of CustomOriginConfig, VpcOriginConfig and S3OriginConfig must be specified",
        )
    _check_domain(origin)
    if "VpcOriginConfig" in origin:
        raise fault("EntityNotFound", f"There is no VPC origin {origin['VpcOriginConfig'].get('VpcOriginId', '')}")
    headers = [(str(one["HeaderName"]).lower(), str(one["HeaderValue"])) for one in items(origin, "CustomHeaders")]
    if len({name for name, _ in headers}) < len(headers):
        raise fault("InvalidArgument", "The parameter CustomHeaders has a header name twice.")
    if sum(len(name) + len(value) for name, value in headers) > MOST_HEADER_BYTES:
        raise fault("InvalidArgument", f"The parameter CustomHeaders has more than {MOST_HEADER_BYTES} characters.")
    shield = origin.get("OriginShield") or {}
    if shield.get("Enabled") and not shield.get("OriginShieldRegion"):
        raise fault("InvalidArgument", "The parameter OriginShieldRegion is required when Origin Shield is enabled.")
    complete = origin.get("ResponseCompletionTimeout")
    read = origin[kinds[0]].get("OriginReadTimeout", 30)
    if complete is not None and not read <= complete:
        raise fault(
            "InvalidArgument", f"The parameter ResponseCompletionTimeout must be at least OriginReadTimeout: {complete}"
        )
    _check_access(account, origin)


def _check_domain(origin: Document) -> None:
    domain = str(origin.get("DomainName", ""))
    if loopback(domain.lower()):
        return
    if domain and address(domain) is not None:
        raise fault("InvalidArgument", "The parameter origin name cannot be an IP address.")
    try:
        canonical(domain)
    except CertificateError:
        raise fault("InvalidArgument", f"The parameter origin name must be a domain name: {domain}") from None
    if "." not in domain or "*" in domain:
        raise fault("InvalidArgument", f"The parameter origin name must be a domain name: {domain}")
    if is_bucket(origin) and not S3_DOMAIN.fullmatch(domain.lower()):
        raise fault("InvalidOrigin")


def _check_access(account: Account, origin: Document) -> None:
    """Origin access control, or the older origin access identity: never both."""
    control = origin.get("OriginAccessControlId")
    identity = (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity")
    if control and identity:
        raise fault("IllegalOriginAccessConfiguration")
    if identity:
        known = identity.startswith(_IDENTITY)
        if not known or account.find("origin-access-identity", identity.removeprefix(_IDENTITY)) is None:
            raise fault("InvalidOriginAccessIdentity")
    if control:
        found = account.find("origin-access-control", control)
        if found is None:
            raise fault("InvalidOriginAccessControl")
        service, domain = str(found.config.get("OriginAccessControlOriginType")), str(origin["DomainName"]).lower()
        fits = S3_DOMAIN.fullmatch(domain) if service == "s3" else _SERVICES.get(service, "") in domain
        if not fits and not loopback(domain):
            raise fault("InvalidDomainNameForOriginAccessControl")
        if (service == "s3") != is_bucket(origin):
            raise fault("InvalidOriginAccessControl", f"Origin access control {control} is for origins of {service}.")


def _check_group(group: Document, origins: list[str]) -> None:
    members = [one["OriginId"] for one in items(group, "Members")]
    for name in members:
        if name not in origins:
            raise fault("NoSuchOrigin", f"Origin group {group['Id']} has a member that is no origin: {name}")
    if len(members) != 2 or members[0] == members[1]:
        raise fault("InvalidArgument", f"The parameter Members of origin group {group['Id']} must be two origins.")
    if not items(group["FailoverCriteria"], "StatusCodes"):
        raise fault("InvalidArgument", f"The parameter StatusCodes of origin group {group['Id']} is empty.")


def targets(config: Document) -> Iterator[str]:
    """What a behaviour can have as its TargetOriginId."""
    for one in (*items(config, "Origins"), *items(config, "OriginGroups")):
        yield one["Id"]
