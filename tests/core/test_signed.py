"""Signed URLs and cookies at the edge, judged by botocore's signer and OpenSSL's rules (spec §10)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.behaviors import TrustedKey
from edgesim.core.forwarding import origin_request
from edgesim.core.keys import cache_key, explain_key
from edgesim.core.messages import Request
from edgesim.core.pages import SIGNATURE_MESSAGES, rejection_page
from edgesim.core.policies import EVERYTHING, CachePolicy, OriginRequestPolicy, Ttls
from edgesim.core.profiles import CLOUDFRONT, RFC9111
from edgesim.core.reasons import UNSIGNED, Rejection
from edgesim.core.signed import check, unsigned
from edgesim.core.steps import Fetch
from support.playbook import behavior, distribution
from support.signing import (
    KEY_ID,
    OTHER_ID,
    canned_text,
    cookies,
    ecdsa_key,
    policy,
    public_pem,
    rsa_key,
    signature,
    signed,
    written,
)

NOW = 1_767_290_400.0
HOST = "d111111abcdef8.cloudfront.net"
URL = f"https://{HOST}/horizon.jpg?size=large&license=yes"
KEYS = (TrustedKey(KEY_ID, public_pem(rsa_key())), TrustedKey(OTHER_ID, public_pem(ecdsa_key())))
ENCODED = (
    "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cHM6Ly9kMTExMTExYWJjZGVmOC5jbG91ZGZyb250Lm5ldC9ob3Jpem9uLmpwZz9zaXplPWxh"
    "cmdlJmxpY2Vuc2U9eWVzIiwiQ29uZGl0aW9uIjp7IkRhdGVMZXNzVGhhbiI6eyJBV1M6RXBvY2hUaW1lIjoxNzY3MjkwNDAwfX19XX0_"
)


def request(url: str, cookie: str = "", **more: Any) -> Request:
    """What a viewer sends who follows a URL."""
    scheme, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    headers = CIMultiDict(Host=host, **({"Cookie": cookie} if cookie else {}))
    return Request("GET", slash + target, headers, scheme=scheme, **more)


def refused(asked: Request, now: float = NOW) -> Rejection | None:
    found = check(asked, KEYS, now)
    return None if found is None else found.rejection


def custom(text: str | bytes, **more: Any) -> Request:
    """A request for URL with any text as its policy, well signed."""
    raw = text.encode() if isinstance(text, str) else text
    parts = f"Policy={written(raw)}&Signature={written(signature(raw))}&Key-Pair-Id={KEY_ID}"
    return request(f"{URL}&{parts}", **more)


def test_the_guides_example_is_161_bytes_and_encodes_as_the_guide_says() -> None:
    text = canned_text(URL, 1_767_290_400)
    assert len(text) == 161
    assert written(text.encode()) == ENCODED
    by_hand = f"{URL}&Policy={ENCODED}&Signature={written(signature(text.encode()))}&Key-Pair-Id={KEY_ID}"
    assert refused(request(by_hand), NOW - 1) is None
    assert refused(request(by_hand), NOW) is Rejection.NO_LONGER


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
@pytest.mark.parametrize(("key", "id"), [(rsa_key(), KEY_ID), (ecdsa_key(), OTHER_ID)], ids=["rsa", "ecdsa"])
def test_both_kinds_of_keys_and_digests(key: Any, id: str, digest: str) -> None:
    until = int(NOW) + 60
    text = policy("https://*/horizon.jpg*", until)
    for asked in (
        request(signed(URL, until, key=key, id=id, digest=digest)),
        request(signed(URL, text=text, key=key, id=id, digest=digest)),
        request(URL, cookies(URL, until, key=key, id=id, digest=digest)),
        request(URL, cookies(text=text, key=key, id=id, digest=digest)),
    ):
        assert refused(asked) is None
        assert refused(asked, NOW + 59.9) is None
        assert refused(asked, NOW + 60) is Rejection.NO_LONGER
        wrong_hash = replace(asked, target=asked.target.replace("SHA256", "SHA1"))
        wrong_hash.headers["Cookie"] = asked.headers.get("Cookie", "").replace("SHA256", "SHA1")
        assert refused(wrong_hash) is (Rejection.WRONG_SIGNATURE if digest == "SHA256" else None)


def test_an_unknown_digest() -> None:
    asked = request(signed(URL, int(NOW) + 60) + "&Hash-Algorithm=MD5")
    assert refused(asked) is Rejection.WRONG_SIGNATURE


def test_the_parameters_may_come_in_any_order_and_among_others() -> None:
    made = signed(URL, int(NOW) + 60).partition("?")[2].split("&")
    own, signs = made[:2], made[2:]
    for pieces in ([*signs, *own], [own[0], *signs, own[1]], [*signs[::-1], *own]):
        assert refused(request(f"https://{HOST}/horizon.jpg?{'&'.join(pieces)}")) is None
    swapped = [*signs, *own[::-1]]
    assert refused(request(f"https://{HOST}/horizon.jpg?{'&'.join(swapped)}")) is Rejection.WRONG_SIGNATURE


@pytest.mark.parametrize(
    ("cut", "rejection"),
    [
        ("Key-Pair-Id", Rejection.MISSING_KEY),
        ("Signature", Rejection.MALFORMED_SIGNATURE),
        ("Expires", Rejection.MALFORMED_POLICY),
    ],
)
def test_what_is_missing(cut: str, rejection: Rejection) -> None:
    made = signed(URL, int(NOW) + 60)
    kept = "&".join(piece for piece in made.split("&") if not piece.startswith(f"{cut}="))
    assert refused(request(kept)) is rejection
    lower = made.replace(f"{cut}=", f"{cut.lower()}=")
    assert refused(request(lower)) is rejection, "names are case-sensitive"


def test_the_order_of_the_looks() -> None:
    """Spec §10.5: key, signature's writing, policy's writing, and only then whether it is right."""
    parts = {"Key-Pair-Id": "nobody", "Signature": "+", "Expires": "x"}
    found = []
    for name, value in (("", ""), ("Key-Pair-Id", KEY_ID), ("Signature", "bm9uZQ__"), ("Expires", str(int(NOW) - 1))):
        parts |= {name: value} if name else {}
        found.append(refused(request(f"https://{HOST}/a?" + "&".join(f"{k}={v}" for k, v in parts.items()))))
    assert [one and one.slug for one in found] == [
        "InvalidKey",
        "MalformedSignature",
        "MalformedPolicy",
        "AccessDenied",
    ]
    assert found[-1] is Rejection.WRONG_SIGNATURE, "before the date is looked at"


def test_a_reserved_parameter_makes_the_cookies_not_count() -> None:
    good = cookies(text=policy("*", int(NOW) + 60))
    assert refused(request(f"https://{HOST}/a?x=1", good)) is None
    for name in ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"):
        assert refused(request(f"https://{HOST}/a?{name}=", good)) is Rejection.MISSING_KEY


@pytest.mark.parametrize("text", ["++++", "a/b=", "a", "abcde", "_", "a_bc", "bm9uZQ==", "ä"])
def test_signatures_nobody_can_decode(text: str) -> None:
    made = f"https://{HOST}/a?Expires={int(NOW) + 60}&Signature={text}&Key-Pair-Id={KEY_ID}"
    assert refused(request(made)) is Rejection.MALFORMED_SIGNATURE


@pytest.mark.parametrize("expires", ["", "x", "1.5", "-1", "1e9", "9223372036854775808", "9" * 5000, "١"])
def test_expires_that_is_no_second(expires: str) -> None:
    made = f"https://{HOST}/a?Expires={expires}&Signature=bm9uZQ__&Key-Pair-Id={KEY_ID}"
    assert refused(request(made)) is Rejection.MALFORMED_POLICY


def test_the_largest_expires() -> None:
    url, until = f"https://{HOST}/a", 9_223_372_036_854_775_807
    mark = written(signature(canned_text(url, until).encode()))
    assert refused(request(f"{url}?Expires={until}&Signature={mark}&Key-Pair-Id={KEY_ID}")) is None


UNTIL = int(NOW) + 60
LESS: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": UNTIL}}
STATEMENT: dict[str, Any] = {"Resource": "*", "Condition": LESS}
MALFORMED: list[object] = [
    [],
    {},
    {"Statement": []},
    {"Statement": STATEMENT},
    {"Statement": [STATEMENT, STATEMENT]},
    {"statement": [STATEMENT]},
    {"Statement": [STATEMENT], "Version": "2012-10-17"},
    {"Statement": [{"Resource": "*"}]},
    {"Statement": [{"Resource": ["*"], "Condition": LESS}]},
    {"Statement": [{"Resource": "", "Condition": LESS}]},
    {"Statement": [{"Resource": None, "Condition": LESS}]},
    {"Statement": [{**STATEMENT, "Effect": "Allow"}]},
    {"Statement": [{"Resource": "*", "Condition": {}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessthan": {"AWS:EpochTime": UNTIL}}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": UNTIL}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"AWS:EpochTime": str(UNTIL)}}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"AWS:EpochTime": UNTIL + 0.5}}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"AWS:EpochTime": True}}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"AWS:EpochTime": UNTIL * 1000}}}]},
    {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"EpochTime": UNTIL}}}]},
    {"Statement": [{"Resource": "*", "Condition": {**LESS, "DateGreaterThan": {"AWS:EpochTime": "1"}}}]},
    {"Statement": [{"Resource": "*", "Condition": {**LESS, "IpAddress": {"AWS:SourceIp": "::1/128"}}}]},
    {"Statement": [{"Resource": "*", "Condition": {**LESS, "IpAddress": {"AWS:SourceIp": ["192.0.2.0/24"]}}}]},
    {"Statement": [{"Resource": "*", "Condition": {**LESS, "IpAddress": {"AWS:SourceIp": "192.0.2.0/33"}}}]},
]


@pytest.mark.parametrize("document", MALFORMED, ids=json.dumps)
def test_policies_cloudfront_does_not_read(document: object) -> None:
    assert refused(custom(json.dumps(document))) is Rejection.MALFORMED_POLICY


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", b"\xff\xfe", b"[" * 4000, b'{"Statement":[],"Statement":[]}', b"9" * 5000]
)
def test_policies_that_are_no_json(raw: bytes) -> None:
    assert refused(custom(raw)) is Rejection.MALFORMED_POLICY


def test_a_good_policy_in_any_order_and_with_space() -> None:
    condition = {"IpAddress": {"AWS:SourceIp": "127.0.0.1"}, "DateGreaterThan": {"AWS:EpochTime": 1}, **LESS}
    assert refused(custom(json.dumps({"Statement": [{"Condition": condition}]}, indent=1))) is None


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("192.0.2.77/24", "192.0.2.1", True),
        ("192.0.2.7/32", "192.0.2.8", False),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("192.0.2.0/24", "::ffff:192.0.2.1", True),
        ("0.0.0.0/0", "", False),
    ],
)
def test_addresses(network: str, address: str, inside: bool) -> None:
    asked = custom(policy("*", UNTIL, ip=network), client=address)
    assert refused(asked) is (None if inside else Rejection.OTHER_ADDRESS)


def test_the_second_of_date_greater_than_is_outside() -> None:
    asked = custom(policy("*", UNTIL, after=int(NOW)))
    assert [refused(asked, NOW + late) for late in (-5, 0, 0.99, 1)] == [Rejection.NOT_YET] * 3 + [None]


@pytest.mark.parametrize("port", ["", ":8443"])
def test_a_port_that_viewers_use_may_be_signed_or_not(port: str) -> None:
    """CloudFront listens on 80 and 443 only; this one does not."""
    asked = signed(f"https://{HOST}{port}/a", UNTIL)
    assert refused(request(asked.replace(HOST + port, HOST + ":8443"))) is None
    assert refused(request(asked.replace(HOST + port, HOST + ":8444"))) is (Rejection.WRONG_SIGNATURE if port else None)


def test_percent_encoded_parts() -> None:
    """Some clients write ``~`` as ``%7E`` [sim]."""
    assert refused(request(signed(URL, UNTIL).replace("~", "%7E").replace("_", "%5F"))) is None


def test_the_owner_is_told_what_is_wrong() -> None:
    def told(asked: Request, now: float = NOW) -> str:
        found = check(asked, KEYS, now)
        assert found is not None
        return found.detail

    assert told(request(URL)).startswith("There is no Key-Pair-Id among the cookies")
    assert told(request(signed(URL, UNTIL, id="KX"))) == (
        f"Key KX was named among the query parameters. Trusted: {KEY_ID}, {OTHER_ID}."
    )
    late = told(request(signed(URL, UNTIL)), NOW + 72)
    assert late == f"Key {KEY_ID}, canned policy: it expired 12 s ago, at Thu, 01 Jan 2026 18:01:00 GMT."
    wrong = told(request(signed(URL, UNTIL).replace("large", "small")))
    assert wrong.endswith("should be " + canned_text(URL.replace("large", "small"), UNTIL))
    elsewhere = told(custom(policy("https://other.test/*", UNTIL)))
    assert elsewhere.endswith(f"Resource https://other.test/* does not match {URL}.")
    outside = told(custom(policy("*", UNTIL, ip="192.0.2.0/24"), client="203.0.113.1"))
    assert outside.endswith("the viewer's address 203.0.113.1 is outside 192.0.2.0/24.")


def test_a_key_nobody_can_read_opens_nothing() -> None:
    found = check(request(signed(URL, UNTIL)), (TrustedKey(KEY_ID, "no key"),), NOW)
    assert found is not None
    assert found.rejection is Rejection.WRONG_SIGNATURE


def test_without_trusted_keys_nobody_passes() -> None:
    found = check(request(signed(URL, UNTIL)), (), NOW)
    assert found is not None
    assert found.rejection is Rejection.INVALID_KEY


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "x"]),
            st.one_of(st.text(st.characters(codec="latin-1"), max_size=20), st.sampled_from([KEY_ID, "bm9uZQ__", "5"])),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_nobody_passes_by_chance_and_nothing_breaks(pairs: list[tuple[str, str]], by_cookie: bool) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    cookie = "; ".join(f"CloudFront-{name}={value}" for name, value in pairs)
    asked = request(f"https://{HOST}/a", cookie) if by_cookie else request(f"https://{HOST}/a?{query}")
    assert refused(asked) in UNSIGNED


@given(st.data())
def test_any_other_url_is_not_signed(data: st.DataObject) -> None:
    made = request(signed(URL, UNTIL))
    at = data.draw(st.integers(0, len("/horizon.jpg?size=large&license=yes") - 1))
    char = data.draw(st.sampled_from("abcXYZ019-._"))
    changed = made.target[:at] + char + made.target[at + 1 :]
    assert (refused(replace(made, target=changed)) is None) is (changed == made.target)


# What viewers read


def test_every_rejection_of_a_signature_has_its_page() -> None:
    assert {one.slug for one in UNSIGNED} == set(SIGNATURE_MESSAGES)
    for one in UNSIGNED:
        page, kind = rejection_page(one, "a secret", "id", 403)
        assert kind == "text/xml"
        assert page.decode() == (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{one.slug}</Code>'
            f"<Message>{SIGNATURE_MESSAGES[one.slug]}</Message></Error>"
        )
    assert rejection_page(Rejection.GEO_BLOCKED, "", "id", 403)[1] == "text/html"


# Key and origin

PRIVATE = behavior(
    policy=CachePolicy("p", "p", Ttls(), query=EVERYTHING, cookies=EVERYTHING),
    origin_request=OriginRequestPolicy("o", "o", EVERYTHING, EVERYTHING, EVERYTHING),
    trusted_keys=KEYS,
)
BOTH = request(signed(URL, UNTIL), f"a=1; {cookies(URL, UNTIL)}; b=2")


def sent(asked: Request, **switches: Any) -> tuple[str, str]:
    """Target and Cookie as the origin gets them."""
    where = distribution(PRIVATE)
    served = replace(PRIVATE, profile=replace(CLOUDFRONT, **switches))
    origin = where.origins["main"]
    made = origin_request(
        asked, served, origin, Fetch((), None, "GET"), request_id="i", node="n", path=asked.path, cloudfront={}
    )
    return made.target, CIMultiDict(made.headers).get("Cookie", "")


def test_the_signature_is_in_no_key_and_goes_to_no_origin() -> None:
    where = distribution(PRIVATE)
    bare = request(URL, "a=1; b=2")
    assert cache_key(where, PRIVATE, BOTH) == cache_key(where, PRIVATE, bare)
    assert sent(BOTH) == sent(bare) == ("/horizon.jpg?size=large&license=yes", "a=1; b=2")
    parts = {(part.kind, part.name): part.included for part in explain_key(PRIVATE, BOTH)}
    chosen = {name for name, included in parts.items() if included}
    assert {("query", "size"), ("cookie", "a")} <= chosen
    assert not {("query", "Signature"), ("cookie", "CloudFront-Signature")} & chosen
    assert {("query", "Signature"), ("cookie", "CloudFront-Signature")} <= set(parts)


def test_the_cookies_go_to_the_origin_where_the_switch_says_so() -> None:
    target, cookie = sent(BOTH, forwards_signed_cookies=True)
    assert target == "/horizon.jpg?size=large&license=yes"
    assert f"CloudFront-Key-Pair-Id={KEY_ID}" in cookie


def test_a_standard_cache_keeps_the_signature_to_itself_too() -> None:
    where, served = distribution(PRIVATE), replace(PRIVATE, profile=RFC9111)
    assert cache_key(where, served, BOTH) == cache_key(where, served, request(URL))


def test_elsewhere_the_same_names_are_anybodys() -> None:
    """Only behaviours with trusted keys reserve them."""
    served = replace(PRIVATE, trusted_keys=None)
    assert unsigned(BOTH, served) is BOTH
    assert cache_key(distribution(served), served, BOTH).uri == BOTH.target


def test_nothing_but_the_signature_goes() -> None:
    only = request(signed(f"https://{HOST}/a", UNTIL), cookies(URL, UNTIL))
    bare = unsigned(only, PRIVATE)
    assert (bare.target, list(bare.headers)) == ("/a", ["Host"])
    plain = request(URL, "a=1")
    assert unsigned(plain, PRIVATE) is plain
