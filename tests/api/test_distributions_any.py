"""Documents changed at random: each is refused with an error of its own, or read back as it was answered and served."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from distribution_documents import Shop, config, shop
from test_distribution_rules import FINE, MISTAKES

TEXTS = ("", "x" * 5_000, "ä", "*", "none", "self", "localhost", "/", "/a*", "200", "-1", "\u2028")
NUMBERS = (0, -1, 1, 3, 81, 443, 500, 10**12)
LISTS: tuple[dict[str, Any], ...] = ({"Quantity": 0}, {"Quantity": 1}, {"Quantity": 1, "Items": []})


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: what it is in, and by which name or number."""
    names = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for name in names:
        yield document, name
        yield from places(document[name])


def disturbed(chance: random.Random, reference: str) -> dict[str, Any]:
    """A document like those of the other tests, with up to three places changed."""
    document = config(reference, **chance.choice([*FINE, *(row[0] for row in MISTAKES)]))
    for _ in range(chance.randint(0, 3)):
        inside, name = chance.choice(list(places(document)))
        old = inside[name]
        if isinstance(old, bool):
            inside[name] = not old
        elif isinstance(old, int):
            inside[name] = chance.choice(NUMBERS)
        elif isinstance(old, str):
            inside[name] = chance.choice(TEXTS)
        elif isinstance(old, dict) and "Quantity" in old and chance.random() < 0.5:
            inside[name] = dict(chance.choice(LISTS))
        elif isinstance(inside, dict):
            del inside[name]
    return document


@pytest.mark.parametrize(("seed", "lenient"), [(1, False), (2, False), (3, True)])
def test_any_document_is_refused_or_served(tmp_path: Path, seed: int, lenient: bool) -> None:
    at, chance = shop(tmp_path, lenient=lenient, checks=False), random.Random(seed)
    answers = [answer(at, disturbed(chance, f"{seed} {number}")) for number in range(300)]
    assert len(set(answers)) > 20
    assert "InvalidArgument makes no sense" not in answers, "a rule is missing"
    assert answers.count("") > 10


def answer(at: Shop, document: dict[str, Any]) -> str:
    """The code a document is refused with; "" for one that is accepted, read back, served, changed and deleted."""
    try:
        made = at.create(document)
    except ClientError as error:
        found = error.response
        assert 400 <= found["ResponseMetadata"]["HTTPStatusCode"] < 500, (found, document)
        return str(found["Error"]["Code"]) + (" makes no sense" if "makes no sense" in str(error) else "")
    id = made["Distribution"]["Id"]
    assert at.api.get_distribution_config(Id=id)["DistributionConfig"] == made["Distribution"]["DistributionConfig"]
    assert id in at.owner.world.distributions
    off = at.update(made, Enabled=False, Comment="off")
    at.api.delete_distribution(Id=id, IfMatch=off["ETag"])
    assert id not in at.owner.world.distributions
    return ""
