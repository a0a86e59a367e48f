"""Every operation of every service on a real world, with values at random and with bytes at random: never a failure
inside, always an answer the protocol has."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from boto_account import START, MemoryOwner
from wire_values import Values, operations, sent

from edgesim.api.account import Account
from edgesim.api.dispatch import Dispatcher, services
from edgesim.api.messages import Request, Response
from edgesim.tls.authority import CertificateAuthority
from edgesim.tls.store import CertificateStore

SEEDS = range(3)
NAMES = [known.name for known in services()]

_FITTING = (
    "abc",
    "us-east-1",
    "a.example.com",
    "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "arn:aws:cloudfront::123456789012:distribution/E1",
    "arn:aws:cloudfront::123456789012:function/f",
    "arn:aws:cloudfront::123456789012:key-value-store/11111111-1111-1111-1111-111111111111",
)
"""Texts of which one fits most patterns of the models."""


class Owner(MemoryOwner):
    """The same with certificates."""

    def __init__(self, directory: Path) -> None:
        self._store = CertificateStore(directory, CertificateAuthority.load_or_create(directory, START))
        super().__init__()

    @property
    def certificates(self) -> CertificateStore:
        return self._store


def fitting(shape: Any, value: Any) -> Any:
    """A value with its texts, lengths and quantities made to pass the model's checks, so that handlers see it."""
    if shape.type_name == "structure":
        made = {name: fitting(shape.members[name], inner) for name, inner in value.items()}
        if "Quantity" in made and "Items" in shape.members:
            made["Quantity"] = len(made.get("Items", ()))
        return made
    if shape.type_name == "list":
        wanted = max(len(value), shape.metadata.get("min", 0))
        return [fitting(shape.member, value[at % len(value)]) for at in range(wanted)][: shape.metadata.get("max")]
    pattern = shape.metadata.get("pattern")
    if shape.type_name == "string" and pattern is not None and not shape.enum and r"\p" not in pattern:
        return next((text for text in (value, *_FITTING) if re.fullmatch(pattern, text)), value)
    return value


def looks_right(response: Response) -> None:
    """Not a failure inside, and of the form its kind says it has."""
    assert response.status < 500 or response.status == 501, response
    if response.body.startswith(b"<?xml"):
        ElementTree.fromstring(response.body)
    elif response.body and "json" in response.headers.get("Content-Type", ""):
        assert isinstance(json.loads(response.body), dict)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_random_values(tmp_path: Path, name: str, lenient: bool) -> None:
    dispatcher = Dispatcher(Account(Owner(tmp_path), lenient=lenient))
    for seed in SEEDS:
        for operation in operations(name):
            shape = operation.input_shape
            params = fitting(shape, Values(seed).of(shape)) if shape is not None else {}
            looks_right(dispatcher.answer(sent(operation, params)))


@pytest.mark.parametrize("name", NAMES)
def test_random_bytes(tmp_path: Path, name: str) -> None:
    dispatcher, chance = Dispatcher(Account(Owner(tmp_path))), random.Random(name)
    for operation in operations(name):
        shape = operation.input_shape
        request = sent(operation, Values(1).of(shape) if shape is not None else {})
        for _ in range(3):
            body, target = bytearray(request.body or b"<a/>"), request.target
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(body) + 1)
                body[at : at + chance.randint(0, 5)] = chance.randbytes(chance.randint(0, 4))
            at = chance.randrange(1, len(target) + 1)
            target = target[:at] + chance.choice(["%", "%2F", "/", "?", "&", "=", "%00", "%ff", "."]) + target[at:]
            looks_right(dispatcher.answer(Request(request.method, target, request.headers, bytes(body))))
            looks_right(dispatcher.answer(Request(request.method, request.target, request.headers, bytes(body))))
