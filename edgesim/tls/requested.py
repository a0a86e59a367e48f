"""Certificates that were asked for through ACM: their documents are in the World, their keys in the store.

A document comes first and its certificate is issued when it is due; an imported one is in the store before its
document is. So whatever ends the process between the two, nothing is half there: a file without a document serves
nothing, and a document without a file has its certificate issued anew, or a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from edgesim.tls.store import KEY_TYPES, CertificateStore
from edgesim.world.state import Record, World

FAMILY = "certificate"
"""The documents' family; an id is an ARN."""

ISSUED, IMPORTED = "AMAZON_ISSUED", "IMPORTED"


def records(world: World) -> Mapping[str, Record]:
    """The documents of certificates by ARN."""
    return world.records.get(FAMILY, {})


def is_pending(record: Record, world: World, now: float) -> bool:
    """True while a certificate that is not in the store waits to be issued; a clock set back does not ask for more."""
    return record.created <= now < record.created + world.file.propagation.certificates


def names_of(record: Record) -> tuple[str, ...]:
    """All names of a certificate, the first one first."""
    return tuple(cast("list[str]", record.config["SubjectAlternativeNames"]))


def issue_due(store: CertificateStore, world: World, now: float) -> None:
    """Issue what was requested and is due, and name in the store's warnings what was imported and is gone."""
    missing: list[str] = []
    for record in records(world).values():
        if store.get(record.id) is not None:
            continue
        if record.facts["type"] == IMPORTED:
            missing.append(f"{record.id} ({names_of(record)[0]}) was imported and its file is gone: import it again")
        elif not is_pending(record, world, now):
            key_type = KEY_TYPES[str(record.config["KeyAlgorithm"])]
            issued = store.authority.issue(names_of(record), now=now, key_type=key_type)
            due = record.created + world.file.propagation.certificates
            store.add(issued, now=min(due, now), arn=record.id, requested=True)
    store.missing = tuple(missing)


def users(store: CertificateStore, world: World) -> dict[str, list[str]]:
    """The ids of the distributions that use each certificate, by ARN."""
    found: dict[str, list[str]] = {}
    for id, arn in sorted({(id, arn) for id, arn in _named(world, store.assigned) if arn}):
        found.setdefault(arn, []).append(id)
    return found


def _named(world: World, assigned: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for id, distribution in world.distributions.items():
        yield id, assigned.get(id, distribution.certificate or "")
    for id, record in world.records.get("distribution", {}).items():
        viewer = record.config.get("ViewerCertificate")
        if isinstance(viewer, dict):
            yield id, str(viewer.get("ACMCertificateArn") or viewer.get("Certificate") or "")
