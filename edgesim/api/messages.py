"""HTTP messages of the API, and an operation as it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: ``target`` is the raw one (``%2F`` stays), header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The raw path, without query; of an absolute target the path only."""
        path = self.target.partition("?")[0]
        if not path.startswith("/") and "://" in path:
            path = "/" + path.partition("://")[2].partition("/")[2]
        return path

    @property
    def query(self) -> str:
        """The raw query."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Findings:
    """What reading a request brought up beside its values."""

    violations: list[str] = field(default_factory=list)
    """Values that are not of their type, in the words of :mod:`edgesim.api.validation`."""
    unknown: list[str] = field(default_factory=list)
    """Parts of the request that the model has not, a sentence each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation, its values in member names, and what reading them brought up."""

    operation: OperationModel
    params: dict[str, Any]
    findings: Findings
