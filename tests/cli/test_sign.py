"""``edgesim sign``: what it prints opens an edge, and what makes no sense is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from multidict import CIMultiDict

from edgesim.cli import sign
from edgesim.cli.main import main
from edgesim.core.behaviors import TrustedKey
from edgesim.core.messages import Request
from edgesim.core.reasons import Rejection
from edgesim.core.signed import check
from support.signing import KEY_ID, ecdsa_key, private_pem, public_pem, rsa_key

NOW = 1_800_000_000.0
URL = "http://127.0.0.1:8080/films/one.mp4?part=1"


@pytest.fixture(params=["rsa", "ecdsa"])
def key(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrustedKey:
    """A key in ``private.pem`` of the directory the command runs in, no world there, and a clock that stands still."""
    made = rsa_key() if request.param == "rsa" else ecdsa_key()
    (tmp_path / "private.pem").write_bytes(private_pem(made))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGESIM_CONTROL", raising=False)
    monkeypatch.setattr(sign, "system_time", lambda: NOW)
    return TrustedKey(KEY_ID, public_pem(made))


def printed(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["sign", URL, "--key", "private.pem", "--key-id", KEY_ID, *more]) == 0
    return capsys.readouterr().out.strip()


def refused(key: TrustedKey, url: str, now: float, cookie: str = "") -> Rejection | None:
    host, _, target = url.removeprefix("http://").partition("/")
    headers = CIMultiDict(Host=host, Cookie=cookie)
    found = check(Request("GET", f"/{target}", headers), [key], now)
    return None if found is None else found.rejection


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
def test_a_url(key: TrustedKey, digest: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = printed(capsys, "--expires", "10 min", "--hash", digest)
    assert url.startswith(URL + "&Expires=1800000600&Signature=")
    assert refused(key, url, NOW + 599) is None
    assert refused(key, url, NOW + 600) is Rejection.NO_LONGER


def test_an_hour_unless_said(key: TrustedKey, capsys: pytest.CaptureFixture[str]) -> None:
    assert "&Expires=1800003600&" in printed(capsys)


def test_many_urls_at_once(key: TrustedKey, capsys: pytest.CaptureFixture[str]) -> None:
    cookie = printed(capsys, "--resource", "http://*/films/*", "--cookies")
    assert cookie.startswith("CloudFront-Policy=")
    assert refused(key, "http://any.test/films/two.mp4?x=1", NOW, cookie) is None
    assert refused(key, "http://any.test/songs/two.mp3", NOW, cookie) is Rejection.OTHER_RESOURCE


def test_a_policy_of_ones_own(key: TrustedKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    condition = {"DateLessThan": {"AWS:EpochTime": int(NOW) + 5}, "IpAddress": {"AWS:SourceIp": "192.0.2.0/24"}}
    (tmp_path / "p.json").write_text(json.dumps({"Statement": [{"Resource": "*", "Condition": condition}]}, indent=2))
    facts = json.loads(printed(capsys, "--policy", "p.json", "--json"))
    assert refused(key, facts["url"], NOW) is Rejection.OTHER_ADDRESS
    assert set(facts["cookies"]) == {"CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ftp://a/b"], "no URL"),
        (["http://a"], "no URL"),
        (["http://a/b#c"], "fragment"),
        (["http://a/b?Policy=x"], "Policy already"),
        ([URL, "--expires", "soon"], "--expires"),
        ([URL, "--policy", "p.json", "--expires", "1h"], "leave out"),
        ([URL, "--policy", "nowhere.json"], "No such file"),
        ([URL, "--policy", "private.pem"], "not JSON"),
        ([URL, "--key", "nowhere.pem"], "No such file"),
        ([URL, "--key", "public.pem"], "no private key"),
    ],
)
def test_what_makes_no_sense(
    key: TrustedKey, tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "public.pem").write_text(key.pem)
    given = arguments if "--key" in arguments else [*arguments, "--key", "private.pem"]
    with pytest.raises(SystemExit) as left:
        main(["sign", *given, "--key-id", KEY_ID])
    assert left.value.code == 2
    assert words in capsys.readouterr().err


def test_a_world_that_is_meant_must_be_there(key: TrustedKey, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", URL, "--key", "private.pem", "--key-id", KEY_ID, "--state", "nowhere"]) == 3
    assert "no world" in capsys.readouterr().err
