from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tls_wires import client, connect, server

from edgesim.tls.authority import CertificateAuthority
from edgesim.tls.names import CertificateError, canonical, covers

LABELS = st.sampled_from(["a", "b", "www", "x-1", "A", "xn--bcher-kva"])
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "example", "test"]))
NAMES = HOSTS | HOSTS.map(lambda host: f"*.{host}")


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (["*.example.com"], "a.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.b.example.com", False),
        (["*.example.com"], ".example.com", False),
        (["*.example.com"], "*.example.com", True),
        (["a.example.com"], "*.example.com", False),
        (["*.b.example.com"], "*.example.com", False),
        (["example.com"], "EXAMPLE.com.", True),
        (["EXAMPLE.com"], "example.com", True),
        (["b.example.com", "a.example.com"], "a.example.com", True),
        (["bücher.example"], "xn--bcher-kva.example", True),
        (["127.0.0.1"], "127.0.0.1", True),
        (["*.0.0.1"], "127.0.0.1", False),
        (["::1"], "[0:0:0:0:0:0:0:1]", True),
        (["::1"], "::2", False),
        (["1"], "1", True),
        (["a..example"], "..", False),
        ([""], "", False),
        (["*"], "a", False),
        ([], "a", False),
        (["é" * 80], "é" * 80, True),
    ],
)
def test_covers(names: list[str], host: str, expected: bool) -> None:
    assert covers(names, host) is expected


@given(st.lists(NAMES, max_size=4), HOSTS)
def test_covers_is_what_the_definition_says(names: list[str], host: str) -> None:
    labels = host.lower().split(".")

    def good(name: str) -> bool:
        of_name = name.lower().split(".")
        if of_name[0] == "*":
            return len(of_name) == len(labels) and of_name[1:] == labels[1:]
        return of_name == labels

    assert covers(names, host) == any(good(name) for name in names)


@given(st.lists(st.text(max_size=12), max_size=3), st.text(max_size=12))
def test_covers_never_raises(names: list[str], host: str) -> None:
    assert covers(names, host) in (True, False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=3), host=HOSTS)
def test_openssl_agrees(
    names: list[str], host: str, authority: CertificateAuthority, tmp_path: Path, now: float
) -> None:
    far = server(authority.issue(names, now=now), tmp_path)
    if covers(names, host):
        connect(client(authority.pem), far, host)
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            connect(client(authority.pem), far, host)


def test_canonical() -> None:
    assert canonical("WWW.Bücher.Example.") == "www.xn--bcher-kva.example"
    assert canonical("*.Example.com") == "*.example.com"
    assert canonical("[0:0::1]") == "::1"


@pytest.mark.parametrize("name", ["", "*", "a.*.com", "*a.com", "a b", "a..b", "-a.com", "a" * 64, "a." * 130 + "b"])
def test_canonical_refuses(name: str) -> None:
    with pytest.raises(CertificateError, match="is not a host name"):
        canonical(name)
