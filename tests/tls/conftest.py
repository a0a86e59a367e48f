"""A root and a store per session where they are only read: making keys is the slow part."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.tls.authority import CertificateAuthority
from edgesim.tls.store import CertificateStore

NOW = 1_780_000_000.0


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.load_or_create(tmp_path_factory.mktemp("ca"), NOW)


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def store(tmp_path: Path, authority: CertificateAuthority) -> CertificateStore:
    return CertificateStore(tmp_path / "certificates", authority)
