"""What all operations share: the account's documents in the World, its clock, and how strict it is."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any, Protocol

from edgesim.tls.store import CertificateStore
from edgesim.world.cloudfront.describing import described
from edgesim.world.commands import Command, DropRecord, PutRecord
from edgesim.world.state import Record, World

ACCOUNT = "123456789012"
_LETTERS = string.ascii_uppercase + string.digits


class Owner(Protocol):
    """The running world behind an account."""

    @property
    def world(self) -> World:
        """The World as it is."""

    @property
    def now(self) -> float:
        """Simulated seconds."""

    def apply(self, command: Command) -> World:
        """Change the World; raises ControlError when it is refused."""

    @property
    def certificates(self) -> CertificateStore:
        """Keys and certificates."""


class Account:
    """The one AWS account of a world. ``lenient`` repairs what AWS would refuse, and says so."""

    id = ACCOUNT

    def __init__(self, owner: Owner, *, lenient: bool = False) -> None:
        self._owner = owner
        self.lenient = lenient

    @property
    def world(self) -> World:
        """The World as it is now."""
        return self._owner.world

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self._owner.now

    @property
    def certificates(self) -> CertificateStore:
        """Keys and certificates."""
        return self._owner.certificates

    def apply(self, command: Command) -> World:
        """Change the World; raises ControlError when it is refused."""
        return self._owner.apply(command)

    def find(self, family: str, id: str) -> Record | None:
        """A document; what the world file defines and managed policies are documents too."""
        world = self.world
        return world.records.get(family, {}).get(id) or described(world, family).get(id)

    def all(self, family: str) -> list[Record]:
        """The documents of a family, the oldest first; those of the world file and of CloudFront before the others."""
        world = self.world
        return [*described(world, family).values(), *world.records.get(family, {}).values()]

    def put(
        self,
        family: str,
        id: str,
        config: Mapping[str, Any],
        *,
        expect: int,
        facts: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Record:
        """Create (``expect`` 0) or replace a document of version ``expect``; facts and tags stay unless given."""
        old = self.find(family, id)
        self.apply(
            PutRecord(
                family=family,
                id=id,
                config=dict(config),
                facts=dict(facts if facts is not None else old.facts if old else {}),
                tags=dict(tags if tags is not None else old.tags if old else {}),
                at=self.now,
                expect=expect,
            )
        )
        return self.world.records[family][id]

    def drop(self, record: Record) -> None:
        """Delete a document."""
        self.apply(DropRecord(family=record.family, id=record.id, at=self.now, expect=record.version))

    def arn(self, kind: str, id: str) -> str:
        """The ARN of something of CloudFront's: ``arn("distribution", "E...")``."""
        return f"arn:aws:cloudfront::{self.id}:{kind}/{id}"

    @staticmethod
    def new_id(prefix: str, length: int = 13) -> str:
        """A new id: a prefix and so many of A-Z and 0-9."""
        return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))
