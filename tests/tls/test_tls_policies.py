from __future__ import annotations

import re
import ssl
import subprocess

import pytest

from edgesim.tls import policies
from edgesim.tls.names import CertificateError
from edgesim.tls.policies import (
    ORIGIN_CIPHERS,
    POLICIES,
    PROTOCOLS,
    security_policy,
    set_versions,
    unavailable_protocols,
)

OPENSSL_CIPHERS = set(
    subprocess.run(
        ["openssl", "ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True
    ).stdout.strip().split(":")
)  # fmt: skip

# Which suites each policy has, in the guide's own grouping (spec §7.2), written independently of the table.
GCM = r"ECDHE-(ECDSA|RSA)-AES(128-GCM-SHA256|256-GCM-SHA384)"
CHACHA = r"ECDHE-(ECDSA|RSA)-CHACHA20-POLY1305"
CBC_SHA2 = r"ECDHE-(ECDSA|RSA)-AES(128-SHA256|256-SHA384)"
RSA_KX_2 = r"AES(128-GCM-SHA256|256-GCM-SHA384|128-SHA256)"
CBC_SHA1 = r"(ECDHE-(ECDSA|RSA)-)?AES(128|256)-SHA"
GROUPS = {
    "SSLv3": ([GCM, CHACHA, CBC_SHA2, RSA_KX_2, CBC_SHA1, "DES-CBC3-SHA", "RC4-MD5"], 21),
    "TLSv1": ([GCM, CHACHA, CBC_SHA2, RSA_KX_2, CBC_SHA1, "DES-CBC3-SHA"], 20),
    "TLSv1_2016": ([GCM, CHACHA, CBC_SHA2, RSA_KX_2, CBC_SHA1], 19),
    "TLSv1.1_2016": ([GCM, CHACHA, CBC_SHA2, RSA_KX_2, CBC_SHA1], 19),
    "TLSv1.2_2018": ([GCM, CHACHA, CBC_SHA2, RSA_KX_2], 13),
    "TLSv1.2_2019": ([GCM, CHACHA, CBC_SHA2], 10),
    "TLSv1.2_2021": ([GCM, CHACHA], 6),
    "TLSv1.2_2025": ([GCM], 4),
    "TLSv1.3_2025": ([], 0),
}


def test_the_policies_are_cloudfronts() -> None:
    assert list(POLICIES) == list(GROUPS)
    for name, policy in POLICIES.items():
        groups, count = GROUPS[name]
        assert len(policy.ciphers) == count
        assert all(any(re.fullmatch(group, cipher) for group in groups) for cipher in policy.ciphers)
        assert name.startswith(policy.minimum.replace("TLSv1.0", "TLSv1"))
        assert ("TLS_CHACHA20_POLY1305_SHA256" in policy.tls13_ciphers) is (name != "TLSv1.2_2025")


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_context_offers_exactly_what_is_available(name: str) -> None:
    policy = POLICIES[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    policy.apply(context)
    offered = [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]
    if policy.ciphers:
        assert offered == [cipher for cipher in policy.ciphers if cipher not in policy.unavailable]
    assert context.maximum_version == ssl.TLSVersion.TLSv1_3
    lowest = next(protocol for protocol in PROTOCOLS if protocol not in policy.unavailable and
                  list(PROTOCOLS).index(protocol) >= list(PROTOCOLS).index(policy.minimum))  # fmt: skip
    assert context.minimum_version == PROTOCOLS[lowest]


def test_what_is_unavailable_is_what_openssl_does_not_list() -> None:
    for policy in POLICIES.values():
        suites = {item for item in policy.unavailable if item in policy.ciphers}
        assert suites == set(policy.ciphers) - OPENSSL_CIPHERS
        assert ("SSLv3" in policy.unavailable) is (policy.name == "SSLv3" and not ssl.HAS_SSLv3)
        assert ("X25519MLKEM768" in policy.unavailable) is (ssl.OPENSSL_VERSION_INFO < (3, 5))


def test_differences_are_told() -> None:
    assert any("order" in text for text in POLICIES["TLSv1"].differences)
    assert any("CHACHA20" in text for text in POLICIES["TLSv1.2_2025"].differences)
    assert not any("CHACHA20" in text for text in POLICIES["TLSv1.2_2021"].differences)


def test_unknown_policies_get_a_suggestion() -> None:
    assert security_policy("TLSv1.2_2021").name == "TLSv1.2_2021"
    with pytest.raises(CertificateError, match=r"did you mean TLSv1\.2_2021"):
        security_policy("TLSv1_2_2021")
    with pytest.raises(CertificateError, match=r"expected one of SSLv3, TLSv1"):
        security_policy("whatever")


def test_protocol_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    set_versions(context, ["TLSv1.2", "TLSv1"])
    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2)
    assert context.options & ssl.OP_NO_TLSv1_1
    assert not context.options & ssl.OP_NO_TLSv1
    with pytest.raises(CertificateError, match=r"no protocol 'TLSv1\.4'"):
        set_versions(context, ["TLSv1.4"])
    with pytest.raises(CertificateError, match=r"no protocol 'tls'"):
        unavailable_protocols(["tls"])
    monkeypatch.setattr(ssl, "HAS_SSLv3", False)
    assert unavailable_protocols(["SSLv3", "TLSv1.2"]) == ("SSLv3",)
    with pytest.raises(CertificateError, match="speaks none of: SSLv3"):
        set_versions(context, ["SSLv3"])


def test_an_openssl_with_sslv3_gets_to_offer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert context.options & ssl.OP_NO_SSLv3
    monkeypatch.setattr(ssl, "HAS_SSLv3", True)
    policies.set_versions(context, PROTOCOLS)
    assert not context.options & ssl.OP_NO_SSLv3


def test_origin_ciphers_are_known_but_for_the_old_ones() -> None:
    assert set(ORIGIN_CIPHERS) - OPENSSL_CIPHERS <= {"DES-CBC3-SHA", "RC4-MD5"}
