"""CloudFront's security policies and origin protocol lists, as tables, with what this OpenSSL can do of them.

Source: CloudFront guide, secure-connections-supported-viewer-protocols-ciphers and
secure-connections-supported-ciphers-cloudfront-to-origin (spec §7.2, §6.2).
"""

from __future__ import annotations

import difflib
import ssl
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from edgesim.tls.names import CertificateError

DEFAULT_POLICY = "TLSv1"
"""The policy CloudFront forces on the default ``*.cloudfront.net`` certificate."""

PROTOCOLS: Mapping[str, ssl.TLSVersion] = {
    "SSLv3": ssl.TLSVersion.SSLv3,
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""Protocol names as CloudFront writes them, oldest first."""

_MINIMUM = {
    "SSLv3": "SSLv3",
    "TLSv1": "TLSv1",
    "TLSv1_2016": "TLSv1",
    "TLSv1.1_2016": "TLSv1.1",
    "TLSv1.2_2018": "TLSv1.2",
    "TLSv1.2_2019": "TLSv1.2",
    "TLSv1.2_2021": "TLSv1.2",
    "TLSv1.2_2025": "TLSv1.2",
    "TLSv1.3_2025": "TLSv1.3",
}

# In CloudFront's order of preference, each with the newest policy that still offers it (with all older ones).
_CIPHERS = (
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2_2025"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2_2025"),
    ("ECDHE-ECDSA-AES128-SHA256", "TLSv1.2_2019"),
    ("ECDHE-RSA-AES128-SHA256", "TLSv1.2_2019"),
    ("ECDHE-ECDSA-AES128-SHA", "TLSv1.1_2016"),
    ("ECDHE-RSA-AES128-SHA", "TLSv1.1_2016"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2_2025"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2_2025"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2_2021"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLSv1.2_2021"),
    ("ECDHE-ECDSA-AES256-SHA384", "TLSv1.2_2019"),
    ("ECDHE-RSA-AES256-SHA384", "TLSv1.2_2019"),
    ("ECDHE-ECDSA-AES256-SHA", "TLSv1.1_2016"),
    ("ECDHE-RSA-AES256-SHA", "TLSv1.1_2016"),
    ("AES128-GCM-SHA256", "TLSv1.2_2018"),
    ("AES256-GCM-SHA384", "TLSv1.2_2018"),
    ("AES128-SHA256", "TLSv1.2_2018"),
    ("AES256-SHA", "TLSv1.1_2016"),
    ("AES128-SHA", "TLSv1.1_2016"),
    ("DES-CBC3-SHA", "TLSv1"),
    ("RC4-MD5", "SSLv3"),
)

_AES13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384")
_CHACHA13 = "TLS_CHACHA20_POLY1305_SHA256"

ORIGIN_CIPHERS = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "AES256-SHA",
    "AES128-SHA",
    "DES-CBC3-SHA",
    "RC4-MD5",
)
"""What CloudFront offers an origin below TLS 1.3."""

_HYBRID_GROUPS = ("X25519MLKEM768", "SecP256r1MLKEM768")


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """The oldest protocol and the cipher suites (CloudFront's order) a viewer may use."""

    name: str
    minimum: str
    """A key of :data:`PROTOCOLS`."""
    ciphers: tuple[str, ...]
    """Of TLS 1.2 and older, in OpenSSL's names."""
    tls13_ciphers: tuple[str, ...]

    @property
    def cipher_string(self) -> str:
        """For ``SSLContext.set_ciphers``.

        Security level 0, because at level 1 OpenSSL 3 refuses TLS 1.0 and 1.1 (their signatures use SHA-1) and at
        Debian's default level 2 the RSA-1024 certificates CloudFront takes; the policy itself is the limit here.
        A TLS 1.3-only policy has no such suites; the string is then one that OpenSSL accepts and never gets to use.
        """
        return ":".join((*(self.ciphers or ("ECDHE-ECDSA-AES128-GCM-SHA256",)), "@SECLEVEL=0"))

    @property
    def unavailable(self) -> tuple[str, ...]:
        """What the policy offers and this OpenSSL cannot: protocols, cipher suites, key exchange groups."""
        known = _available_ciphers()
        missing = [protocol for protocol in unavailable_protocols(PROTOCOLS) if not self._older(protocol)]
        missing += [cipher for cipher in (*self.ciphers, *self.tls13_ciphers) if cipher not in known]
        if ssl.OPENSSL_VERSION_INFO < (3, 5):
            missing += _HYBRID_GROUPS
        return tuple(missing)

    @property
    def differences(self) -> tuple[str, ...]:
        """Where this Python's ``ssl`` offers something else than the policy says, in words."""
        found = [
            "TLS 1.3 suites are taken in OpenSSL's order (AES-256 before AES-128), where CloudFront prefers AES-128",
            "key exchange groups are OpenSSL's default ones, a superset of P-256, X25519 and P-384",
        ]
        if _CHACHA13 not in self.tls13_ciphers:
            found.append(f"{_CHACHA13} is offered although the policy leaves it out")
        return tuple(found)

    def _older(self, protocol: str) -> bool:
        order = list(PROTOCOLS)
        return order.index(protocol) < order.index(self.minimum)

    def apply(self, context: ssl.SSLContext) -> None:
        """Set the protocols and cipher suites of a server's ``context``."""
        set_versions(context, [protocol for protocol in PROTOCOLS if not self._older(protocol)])
        context.set_ciphers(self.cipher_string)
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE


def _policies() -> Mapping[str, SecurityPolicy]:
    order = list(_MINIMUM)
    made = {}
    for rank, (name, minimum) in enumerate(_MINIMUM.items()):
        suites = tuple(cipher for cipher, newest in _CIPHERS if order.index(newest) >= rank)
        modern = _AES13 if name == "TLSv1.2_2025" else (*_AES13, _CHACHA13)
        made[name] = SecurityPolicy(name, minimum, suites, modern)
    return made


POLICIES = _policies()
"""By name, oldest first."""


def security_policy(name: str) -> SecurityPolicy:
    """The policy of this name; raises CertificateError with a suggestion for any other."""
    if (policy := POLICIES.get(name)) is not None:
        return policy
    near = difflib.get_close_matches(name, POLICIES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(POLICIES)}"
    raise CertificateError(f"there is no security policy {name!r}; {hint}")


def unavailable_protocols(protocols: Iterable[str]) -> tuple[str, ...]:
    """Those of ``protocols`` this OpenSSL was built without. Raises CertificateError for unknown names."""
    return tuple(protocol for protocol in protocols if not _spoken(_version(protocol)))


def set_versions(context: ssl.SSLContext, protocols: Iterable[str]) -> None:
    """Allow exactly ``protocols`` (as far as this OpenSSL speaks them) in ``context``.

    Raises CertificateError for unknown names, or when none is left.
    """
    asked = list(protocols)
    wanted = sorted(version for name in asked if _spoken(version := _version(name)))
    if not wanted:
        raise CertificateError(f"this OpenSSL ({ssl.OPENSSL_VERSION}) speaks none of: {', '.join(asked)}")
    with warnings.catch_warnings():
        # Python deprecates TLS 1.0 and 1.1; offering them is what CloudFront's older policies are for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = wanted[0], wanted[-1]
        for version, option in _OFF.items():
            if wanted[0] < version < wanted[-1] and version not in wanted:
                context.options |= option
        if ssl.TLSVersion.SSLv3 in wanted:
            context.options &= ~ssl.OP_NO_SSLv3


_OFF = {
    ssl.TLSVersion.TLSv1: ssl.OP_NO_TLSv1,
    ssl.TLSVersion.TLSv1_1: ssl.OP_NO_TLSv1_1,
    ssl.TLSVersion.TLSv1_2: ssl.OP_NO_TLSv1_2,
}


def _version(protocol: str) -> ssl.TLSVersion:
    if (version := PROTOCOLS.get(protocol)) is None:
        raise CertificateError(f"there is no protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}")
    return version


def _spoken(version: ssl.TLSVersion) -> bool:
    return bool(getattr(ssl, f"HAS_{version.name}"))


@lru_cache(maxsize=1)
def _available_ciphers() -> frozenset[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return frozenset(str(cipher["name"]) for cipher in context.get_ciphers())
