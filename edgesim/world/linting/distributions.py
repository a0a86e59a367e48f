"""Rules about a distribution as a whole."""

from __future__ import annotations

from edgesim.core.behaviors import OriginProtocol
from edgesim.world.linting.behaviors import is_s3
from edgesim.world.linting.finding import DistributionRule, Found, Subject

OLD_POLICIES = frozenset({"SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016"})
OLD_PROTOCOLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})
CONNECT = frozenset({503, 504})
"""What CloudFront takes a failed connection for when it decides on failover."""

LONG_ERROR = 300
MANY_PURGES = 3
SLOW = 30.0


def _old_tls(subject: Subject) -> Found:
    one = subject.distribution
    if one.aliases and one.certificate and one.security_policy in OLD_POLICIES:
        yield "ViewerCertificate.MinimumProtocolVersion/security_policy", f"{one.security_policy} allows TLS 1.0 or 1.1"


def _old_origin_tls(subject: Subject) -> Found:
    for origin in subject.distribution.origins.values():
        old = sorted(OLD_PROTOCOLS.intersection(origin.ssl_protocols))
        if old and origin.protocol is not OriginProtocol.HTTP_ONLY:
            yield f"Origins/origins.{origin.id}", f"{', '.join(old)} may be spoken with {origin.domain}"


def _error_never_kept(subject: Subject) -> Found:
    for rule in subject.distribution.errors.values():
        if rule.min_ttl == 0:
            yield "CustomErrorResponses/errors", f"error {rule.code} is not kept: each request of a broken page goes up"


def _error_long(subject: Subject) -> Found:
    for rule in subject.distribution.errors.values():
        if rule.code >= 500 and rule.min_ttl >= LONG_ERROR:
            yield (
                "CustomErrorResponses/errors",
                f"error {rule.code} stays for {rule.min_ttl} s after the origin is well again",
            )


def _error_as_success(subject: Subject) -> Found:
    for rule in subject.distribution.errors.values():
        if rule.code >= 500 and rule.response_code == 200:
            yield (
                "CustomErrorResponses/errors",
                f"error {rule.code} is shown as 200: monitors and search engines see success",
            )


def _failover_codes(subject: Subject) -> Found:
    for group in subject.distribution.groups.values():
        if missing := sorted(CONNECT - group.statuses):
            codes = " and ".join(map(str, missing))
            yield (
                f"OriginGroups/origin_groups.{group.id}",
                f"without {codes} a failed connection does not lead to the other origin",
            )


def _slow_failover(subject: Subject) -> Found:
    one = subject.distribution
    for group in one.groups.values():
        first = one.origins.get(group.primary)
        wait = first.connection_attempts * first.connection_timeout if first else 0
        if wait >= SLOW:
            yield (
                f"OriginGroups/origin_groups.{group.id}",
                f"viewers may wait {wait:g} s before the second origin is asked",
            )


def _far_viewers(subject: Subject) -> Found:
    one = subject.distribution
    if one.price_class == "PriceClass_100":
        yield "PriceClass/price_class", "viewers in South America, Africa, Asia and Oceania are served from far away"


def _no_root(subject: Subject) -> Found:
    one = subject.distribution
    origin = one.origins.get(one.behaviors[-1].origin)
    if origin is not None and is_s3(origin.domain) and not one.default_root_object:
        yield "DefaultRootObject/default_root_object", "/ asks the bucket for a listing, which it refuses with 403"


def _unsigned_s3(subject: Subject) -> Found:
    for origin in subject.distribution.origins.values():
        if is_s3(origin.domain) and origin.access is None:
            yield f"Origins/origins.{origin.id}", f"{origin.domain} has to be public: requests are not signed"


def _unused_origin(subject: Subject) -> Found:
    one = subject.distribution
    used = {behavior.origin for behavior in one.behaviors}
    used |= {name for group in one.groups.values() for name in (group.primary, group.secondary)}
    for name in one.origins:
        if name not in used:
            yield f"Origins/origins.{name}", "no behaviour asks this origin"


def _disabled(subject: Subject) -> Found:
    if not subject.distribution.enabled:
        yield "Enabled/enabled", "it is switched off and answers nobody"


def _purges(subject: Subject) -> Found:
    wild = [path for path in subject.invalidated if path in ("/*", "*")]
    if len(wild) > MANY_PURGES:
        yield "", f"everything was invalidated {len(wild)} times: each time the origin has to send all of it again"


DISTRIBUTION_RULES = (
    DistributionRule("old-viewer-tls", "warning", "Use TLSv1.2_2021.", _old_tls),
    DistributionRule("old-origin-tls", "warning", "Allow TLSv1.2 only.", _old_origin_tls),
    DistributionRule("error-caching-zero", "warning", "Keep errors for some seconds.", _error_never_kept),
    DistributionRule("error-caching-long", "warning", "Keep server errors for seconds, not minutes.", _error_long),
    DistributionRule("error-as-success", "warning", "Answer with the error's own code.", _error_as_success),
    DistributionRule("failover-codes", "warning", "List 500, 502, 503 and 504.", _failover_codes),
    DistributionRule("slow-failover", "info", "Fewer attempts, or a shorter connection timeout.", _slow_failover),
    DistributionRule("far-viewers", "info", "PriceClass_All costs more there and is faster.", _far_viewers),
    DistributionRule("no-root-object", "warning", "Name one, such as index.html.", _no_root),
    DistributionRule("public-bucket", "warning", "Give the origin an origin access control.", _unsigned_s3),
    DistributionRule("unused-origin", "warning", "Remove it, or give it a behaviour.", _unused_origin),
    DistributionRule("disabled", "info", "Enable it when it should serve.", _disabled),
    DistributionRule("wildcard-invalidations", "warning", "Version file names, or invalidate less.", _purges),
)
