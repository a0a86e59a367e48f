"""Certificates of a running world: a local authority, one certificate a distribution, renewal by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgesim.core.behaviors import Distribution
from edgesim.errors import ConfigError
from edgesim.tls.authority import CertificateAuthority
from edgesim.tls.names import CertificateError
from edgesim.tls.requested import issue_due
from edgesim.tls.store import CertificateStore, StoredCertificate
from edgesim.tls.viewer import DEFAULT_NAMES, ContextChoice, ViewerContexts
from edgesim.world.state import World


class Certificates:
    """What viewers are shown, and whom origins are trusted by."""

    def __init__(self, directory: Path, world: World, now: float, real: float) -> None:
        self.authority = CertificateAuthority.load_or_create(directory, min(now, real))
        self.store = CertificateStore(directory / "certificates", self.authority)
        self._now = now
        self._of: dict[str, StoredCertificate] = {}
        self._before: Mapping[str, Distribution] = {}
        self.contexts = ViewerContexts(self._resolve, self._default)
        self.update(world, now)

    @property
    def path(self) -> Path:
        """The authority's certificate, for ``curl --cacert``."""
        return self.authority.path

    def trust(self) -> list[bytes]:
        """PEM of every authority that origins' certificates may end at."""
        return [self.authority.pem, *(self._read(name, "trust") for name in self._world.file.trust)]

    def _read(self, name: str, key: str) -> bytes:
        """A file that the world file names, relative to it."""
        path = self._world.beside(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                self._world.source, key, f"{name} ({error.strerror})", "a PEM file that can be read"
            ) from None

    def update(self, world: World, now: float) -> None:
        """Issue what was requested, and see that every distribution has a certificate for all its names."""
        self._world, self._now = world, now
        issue_due(self.store, world, now)
        self.store.ensure(DEFAULT_NAMES, now)
        self._of = {id: self._certificate(one, now) for id, one in world.distributions.items()}
        self._before = world.distributions
        self.store.assigned = {id: one.arn for id, one in self._of.items()}

    def _certificate(self, distribution: Distribution, now: float) -> StoredCertificate:
        name = distribution.certificate
        if name is not None and name.startswith("arn:"):
            return self.store.get(name) or self._default().certificate
        entry = self._world.file.certificates.get(name) if name not in (None, "auto") else None
        if entry is None:
            return self._automatic(distribution, now)
        if entry.chain is not None and entry.key is not None:
            where = f"certificates.{name}"
            chain, key = self._read(entry.chain, f"{where}.chain"), self._read(entry.key, f"{where}.key")
            try:
                return self.store.import_pem(chain, key, now=now)
            except CertificateError as error:
                raise ConfigError(self._world.source, where, str(error), "a certificate edgesim can use") from None
        return self.store.ensure(list(entry.names), now, key_type="rsa" if entry.key == "rsa" else "ecdsa")

    def _automatic(self, distribution: Distribution, now: float) -> StoredCertificate:
        """What it had, if that is still good: a World of many distributions changes often, and few of them do."""
        before, had = self._before.get(distribution.id), self._of.get(distribution.id)
        current = self.store.get(had.arn) if had is not None and before is distribution else None
        if current is None or not current.valid_at(now):
            current = self.store.ensure(list(distribution.aliases) or [distribution.domain], now)
        return current

    def assigned(self) -> dict[str, StoredCertificate]:
        """The certificate of each distribution by its id, as it is now; that of unknown names under ""."""
        found = {id: self.store.get(one.arn) or one for id, one in self._of.items()}
        return {**found, "": self._default().certificate}

    def renew(self, now: float) -> tuple[StoredCertificate, ...]:
        """Renew what is due on the simulated clock."""
        renewed = self.store.renew_due(now)
        if renewed:
            self.update(self._world, now)
        return renewed

    def for_names(self, names: list[str], now: float) -> StoredCertificate:
        """A certificate of the local authority for these names."""
        return self.store.ensure(names, now)

    def _resolve(self, server_name: str | None) -> ContextChoice | None:
        if server_name is None:
            return self._for_addresses()
        distribution = self._world.distribution_for(server_name)
        if distribution is None:
            return None
        return self._choice(distribution)

    def _for_addresses(self) -> ContextChoice | None:
        """No server name: a viewer that came by an address. An alias that is one says whose certificate covers it."""
        distribution = self._world.distribution_for("127.0.0.1") or self._world.distribution_for("::1")
        return self._choice(distribution) if distribution is not None else None

    def _choice(self, distribution: Distribution) -> ContextChoice:
        certificate = self._of.get(distribution.id)
        if certificate is None:
            return self._default()
        current = self.store.get(certificate.arn) or certificate
        return ContextChoice(current, distribution.security_policy)

    def _default(self) -> ContextChoice:
        return ContextChoice(self.store.ensure(DEFAULT_NAMES, self._now))
