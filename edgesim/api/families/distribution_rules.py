"""What CloudFront demands of a whole DistributionConfig (spec §7, §9, §14)."""

from __future__ import annotations

import re
from collections.abc import Callable

from edgesim.api.account import Account
from edgesim.api.families.behavior_rules import behaviors, check_behaviors
from edgesim.api.families.certificates import viewer_certificate
from edgesim.api.families.checks import Document, Row, at_most, check_rows, items, one_of
from edgesim.api.families.origin_rules import S3_DOMAIN, check_origins, loopback
from edgesim.api.faults import fault
from edgesim.core.policies import PolicyBook
from edgesim.tls.names import CertificateError, canonical
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.state import Record

MOST_DISTRIBUTIONS = 500
MOST_STAGING = 20
MOST_USERS = 100
"""Distributions that may use one policy, key group or origin access control."""

ERROR_CODES = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
_ROOT = re.compile(r"[A-Za-z0-9_\-.*$/~\"'&]{0,255}", re.ASCII)
_PAGE = re.compile(r"(/[!-~]{0,4095})?", re.ASCII)
_FIREWALL = re.compile(r"(arn:aws:wafv2:us-east-1:[0-9]{12}:global/webacl/[\w-]+/)?[0-9a-f-]{36}|", re.ASCII)
_UNPLACED = frozenset({"AQ", "BV", "HM", "IO", "TK", "UM"})  # on ISO's list, with nobody there to give a place
_TAKEN = "One or more of the CNAMEs you provided are already associated with a different resource."
_ERROR = "CustomErrorResponses.Items[]"
_GEO = "Restrictions.GeoRestriction"


def _country(code: str) -> bool:
    return code in _UNPLACED or (len(code) == 2 and code.isupper() and Gazetteer.load().country_name(code) != "")


ROWS = (
    Row("Comment", at_most(128), "InvalidArgument", "The parameter Comment is too long: 128 characters at most."),
    Row("CallerReference", bool, "InvalidArgument", "The parameter CallerReference is required."),
    Row("Aliases.Items", at_most(100), "TooManyDistributionCNAMEs"),
    Row("DefaultRootObject", lambda name: bool(_ROOT.fullmatch(name)), "InvalidDefaultRootObject"),
    Row(f"{_ERROR}.ErrorCode", one_of(ERROR_CODES), "InvalidErrorCode"),
    Row(f"{_ERROR}.ResponseCode", one_of(("", "200", *map(str, ERROR_CODES))), "InvalidResponseCode"),
    Row(f"{_ERROR}.ResponsePagePath", lambda path: bool(_PAGE.fullmatch(path)), "InvalidRelativePath"),
    Row(f"{_ERROR}.ErrorCachingMinTTL", lambda ttl: ttl >= 0, "InvalidArgument",
        "The parameter ErrorCachingMinTTL must not be negative: {value}"),
    Row(f"{_GEO}.Items[]", _country, "InvalidLocationCode"),
    Row("WebACLId", lambda id: bool(_FIREWALL.fullmatch(id)), "InvalidWebACLId"),
    Row("PriceClass", lambda name: name != "None", "InvalidArgument",
        "The parameter PriceClass can be None only for distributions with tenants."),
    Row("Logging.Prefix", lambda text: len(text) <= 256 and not text.startswith("/"), "InvalidArgument",
        "The parameter Logging Prefix has at most 256 characters and does not start with a slash."),
    Row("ConnectionMode", lambda mode: mode == "direct", "UnsupportedOperation",
        "edgesim has no distribution tenants: ConnectionMode can only be direct."),
    Row("TenantConfig", lambda _: False, "UnsupportedOperation", "edgesim has no distribution tenants."),
    Row("AnycastIpListId", lambda id: not id, "EntityNotFound", "There is no Anycast static IP list {value}"),
    Row("ViewerMtlsConfig.TrustStoreConfig.TrustStoreId", lambda id: not id, "EntityNotFound",
        "There is no trust store {value}"),
    Row("ConnectionFunctionAssociation.Id", lambda id: not id, "EntityNotFound",
        "There is no connection function {value}"),
)  # fmt: skip

_USES: tuple[tuple[str, Callable[[Document], list[str]]], ...] = (
    ("TooManyDistributionsAssociatedToCachePolicy", lambda config: _named(config, "CachePolicyId")),
    ("TooManyDistributionsAssociatedToOriginRequestPolicy", lambda config: _named(config, "OriginRequestPolicyId")),
    ("TooManyDistributionsAssociatedToResponseHeadersPolicy", lambda config: _named(config, "ResponseHeadersPolicyId")),
    ("TooManyDistributionsAssociatedToKeyGroup", lambda config: key_groups(config)),
    (
        "TooManyDistributionsAssociatedToOriginAccessControl",
        lambda config: [one.get("OriginAccessControlId", "") for one in items(config, "Origins")],
    ),
)


def check_distribution(account: Account, config: Document, old: Record | None, moving: str = "") -> None:
    """Refuse a config (defaults filled in) that CloudFront would refuse; ``old`` is what it replaces.

    ``moving`` is an alias that another distribution is about to give up. Raises ControlError.
    """
    check_rows(config, ROWS)
    _check_counts(account, config, old)
    check_origins(account, config)
    check_behaviors(account, config)
    _check_errors(config)
    _check_restrictions(config)
    _check_logging(config)
    _check_certificate(account, config)
    _check_aliases(account, config, old, moving)
    _check_staging(account, config, old)


def unsupported_alias(account: Account, config: Document) -> str | None:
    """Why the aliases need another certificate; None when they do not.

    Names of this machine need none: a difference to CloudFront, which has no such names.
    """
    names = [name for name in items(config, "Aliases") if not loopback(name.lower())]
    certificate = config.get("ViewerCertificate") or {}
    arn = certificate.get("ACMCertificateArn")
    if not names:
        return None
    if not arn:
        return (
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
            "certificate that validates your authorization to use the domain name."
        )
    stored = account.certificates.get(arn)
    if stored is None or all(stored.covers(name) for name in names):
        return None
    return (
        "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) that "
        f"you're trying to add: {next(name for name in names if not stored.covers(name))}"
    )


def key_groups(config: Document) -> list[str]:
    """The key groups any behaviour trusts."""
    return list(dict.fromkeys(id for one in behaviors(config) for id in items(one, "TrustedKeyGroups")))


def _named(config: Document, member: str) -> list[str]:
    return [one[member] for one in behaviors(config) if one.get(member)]


_BOOK = PolicyBook()
_MANAGED = {"", *_BOOK.cache, *_BOOK.origin_request, *_BOOK.response_headers}
"""Policies any number of distributions may use; "" is none at all."""


def _check_counts(account: Account, config: Document, old: Record | None) -> None:
    others = [one for one in account.all("distribution") if old is None or one.id != old.id]
    if len(others) >= MOST_DISTRIBUTIONS:
        raise fault("TooManyDistributions")
    if config.get("Staging") and sum(bool(one.config.get("Staging")) for one in others) >= MOST_STAGING:
        raise fault("TooManyDistributions", f"An account has at most {MOST_STAGING} staging distributions.")
    for code, used in _USES:
        for id in {*used(config)} - _MANAGED:
            if sum(id in used(one.config) for one in others) >= MOST_USERS:
                raise fault(code)


def _check_errors(config: Document) -> None:
    responses = items(config, "CustomErrorResponses")
    codes = [one["ErrorCode"] for one in responses]
    if len(set(codes)) < len(codes):
        raise fault("InvalidArgument", "The parameter CustomErrorResponses has an ErrorCode twice.")
    for one in responses:
        if bool(one.get("ResponsePagePath")) != bool(one.get("ResponseCode")):
            raise fault(
                "InvalidArgument", "The parameters ResponsePagePath and ResponseCode must be given both, or neither."
            )


def _check_restrictions(config: Document) -> None:
    geo = (config.get("Restrictions") or {}).get("GeoRestriction")
    if geo and (geo["RestrictionType"] == "none") == bool(geo.get("Items")):
        raise fault("InvalidGeoRestrictionParameter")


def _check_logging(config: Document) -> None:
    logging = config.get("Logging") or {}
    if logging.get("Enabled") and not S3_DOMAIN.fullmatch(str(logging.get("Bucket", "")).lower()):
        raise fault("InvalidArgument", "The parameter Logging Bucket does not refer to a valid S3 bucket.")


def _check_certificate(account: Account, config: Document) -> None:
    certificate = config.get("ViewerCertificate") or {}
    arn = certificate.get("ACMCertificateArn")
    own = bool(arn) + bool(certificate.get("IAMCertificateId"))
    if own + bool(certificate.get("CloudFrontDefaultCertificate")) != 1 and certificate:
        raise fault(
            "InvalidViewerCertificate",
            "Exactly one of CloudFrontDefaultCertificate, ACMCertificateArn and IAMCertificateId must be specified.",
        )
    if not own:
        return
    if not arn or viewer_certificate(account, arn) is None:
        raise fault(
            "InvalidViewerCertificate",
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a "
            "valid certificate chain.",
        )
    method, least = certificate.get("SSLSupportMethod"), certificate.get("MinimumProtocolVersion", "TLSv1")
    if method not in ("sni-only", "vip"):
        found = "static-ip needs an Anycast list" if method else "it is missing"
        raise fault("InvalidViewerCertificate", f"The parameter SSLSupportMethod must be sni-only or vip: {found}.")
    if method == "sni-only" and least == "SSLv3":
        raise fault("InvalidProtocolSettings")
    if method == "vip" and least not in ("SSLv3", "TLSv1"):
        raise fault("InvalidMinimumProtocolVersion")


def _check_aliases(account: Account, config: Document, old: Record | None, moving: str) -> None:
    names = [name.lower() for name in items(config, "Aliases")]
    for name in names:
        check_alias(name)
    if len(set(names)) < len(names):
        raise fault("InvalidArgument", "The parameter Aliases contains a duplicate.")
    if not account.lenient and (why := unsupported_alias(account, config)):
        raise fault("InvalidViewerCertificate", why)
    mine = old.id if old is not None else ""
    for id, names_there in _taken(account):
        if id != mine and (names_there - {moving}).intersection(names):
            raise fault("CNAMEAlreadyExists", _TAKEN)


def check_alias(name: str) -> None:
    """Refuse what cannot be an alternate domain name. Raises ControlError."""
    try:
        fine = loopback(name) or ("." in canonical(name) and not name.endswith(".cloudfront.net"))
    except CertificateError:
        fine = False
    if not fine:
        raise fault(
            "InvalidArgument", f"The parameter CNAME contains one or more parameters that are not valid: {name}"
        )


def _taken(account: Account) -> list[tuple[str, set[str]]]:
    """The names that distributions have: those of the file's too, which no document may be of."""
    documents = [
        (one.id, {str(name).lower() for name in items(one.config, "Aliases")}) for one in account.all("distribution")
    ]
    running = [(one.id, {name.lower() for name in one.aliases}) for one in account.world.distributions.values()]
    return [*documents, *running]


def _check_staging(account: Account, config: Document, old: Record | None) -> None:
    """Continuous deployment: a primary distribution has a policy, and its staging one has no names (spec §9.4)."""
    policy = config.get("ContinuousDeploymentPolicyId")
    if config.get("Staging") and items(config, "Aliases"):
        raise fault("InvalidArgument", "A staging distribution cannot have alternate domain names (CNAMEs).")
    if not policy:
        return
    if old is None:
        raise fault("InvalidArgument", "Continuous deployment policy is not supported during distribution creation.")
    if config.get("Staging"):
        raise fault("InvalidArgument", "A staging distribution cannot have a continuous deployment policy.")
    if account.find("continuous-deployment-policy", policy) is None:
        raise fault("NoSuchContinuousDeploymentPolicy")
    if config.get("HttpVersion") in ("http3", "http2and3"):
        raise fault("InvalidArgument", "Continuous deployment cannot be used with HTTP/3.")
    for one in account.all("distribution"):
        if one.id != old.id and one.config.get("ContinuousDeploymentPolicyId") == policy:
            raise fault("ContinuousDeploymentPolicyInUse", f"Distribution {one.id} has this policy already.")
