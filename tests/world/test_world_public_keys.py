"""Public keys and key groups of world files (spec §10.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from small_worlds import START

from edgesim.core.behaviors import TrustedKey
from edgesim.world.changes import apply
from edgesim.world.loading import Checked, check_data, check_text, check_world
from edgesim.world.state import World
from support.signing import KEY_ID, ecdsa_key, public_pem, rsa_key

RSA, ECDSA = public_pem(rsa_key()), public_pem(ecdsa_key())


def text(keys: object, groups: object, trusted: object = ("g",)) -> str:
    """A world with these keys and groups."""
    behavior = {"origin": "site", "cache_policy": "CachingOptimized"}
    return yaml.safe_dump(
        {
            "edges": ["London"],
            "site": {},
            "origins": {"site": {"toy_site": True}},
            "public_keys": keys,
            "key_groups": groups,
            "distributions": [
                {
                    "name": "d",
                    "behaviors": [{"path": "/open/*", **behavior}],
                    "default_behavior": {**behavior, "trusted_key_groups": list(trusted)},  # type: ignore[call-overload]
                }
            ],
        }
    )


def built(checked: Checked) -> tuple[TrustedKey, ...] | None:
    """The keys of the default behaviour, after that those of the other one are seen to be nobody's."""
    (distribution,) = apply(World(), checked.configure(START)).distributions.values()
    assert distribution.behaviors[0].trusted_keys is None
    return distribution.behaviors[1].trusted_keys


def test_the_keys_of_all_groups_each_once() -> None:
    keys = {"one": {"pem": RSA, "id": KEY_ID}, "two": {"pem": ECDSA}}
    found = built(check_text(text(keys, {"g": ["one"], "h": ["two", "one"]}, ("g", "h"))))
    assert found is not None
    assert found[0] == TrustedKey(KEY_ID, RSA)
    assert (found[1].pem, found[1].id[0], len(found[1].id), len(found)) == (ECDSA, "K", 14, 2)


def test_no_groups_is_anybody() -> None:
    assert built(check_text(text({"one": {"pem": RSA}}, {"g": ["one"]}, ()))) is None


def test_a_file_beside_the_world_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_text(RSA)
    world = tmp_path / "world.yaml"
    world.write_text(text({"one": {"file": "public.pem"}}, {"g": ["one"]}))
    checked = check_world(world, {})
    (tmp_path / "public.pem").unlink()
    again = check_data(checked.configure(START).document, str(world))
    assert [key.pem for key in built(again) or ()] == [RSA]


@pytest.mark.parametrize(
    ("keys", "groups", "trusted", "path", "words"),
    [
        ({"one": {"pem": RSA}}, {"g": ["two"]}, ["g"], "key_groups.g[0]", '"two"'),
        ({"one": {"pem": RSA}}, {"g": ["one", "one"]}, ["g"], "key_groups.g[1]", "again"),
        ({"one": {"pem": RSA}}, {"g": []}, ["g"], "key_groups.g", "at least 1"),
        ({"one": {"pem": RSA}}, {"g": ["one"] * 6}, ["g"], "key_groups.g", "at most 5"),
        ({"one": {"pem": RSA}}, {"g": ["one"]}, ["h"], "trusted_key_groups[0]", "one of `key_groups`"),
        ({"one": {"pem": RSA}}, {"g": ["one"]}, ["g"] * 5, "trusted_key_groups", "at most 4"),
        ({"one": {"pem": RSA, "id": "short"}}, {"g": ["one"]}, ["g"], "public_keys.one.id", "short"),
        ({"one": {"pem": "x"}}, {"g": ["one"]}, ["g"], "public_keys.one.pem", "no public key"),
        ({"one": {}}, {"g": ["one"]}, ["g"], "public_keys.one", "neither"),
        ({"one": {"pem": RSA, "file": "x"}}, {"g": ["one"]}, ["g"], "public_keys.one", "both"),
        ({"one": {"file": "nowhere.pem"}}, {"g": ["one"]}, ["g"], "public_keys.one.file", "No such file"),
        (
            {"one": {"pem": RSA, "id": KEY_ID}, "two": {"pem": RSA, "id": KEY_ID}},
            {"g": ["one"]},
            ["g"],
            "public_keys.two.id",
            "already",
        ),
    ],
)
def test_mistakes(keys: object, groups: object, trusted: object, path: str, words: str) -> None:
    errors = check_text(text(keys, groups, trusted)).errors
    assert len(errors) == 1, errors
    assert errors[0].path.endswith(path)
    assert words in str(errors[0])


def test_keys_cloudfront_does_not_take() -> None:
    for key, words in (
        (rsa.generate_private_key(65_537, 1024), "1024"),
        (ec.generate_private_key(ec.SECP384R1()), "384"),
    ):
        (error,) = check_text(text({"one": {"pem": public_pem(key)}}, {"g": ["one"]})).errors
        assert words in error.found
