"""Every mistake with its path, its line and what to do about it; all of them at once."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.errors import ConfigError
from edgesim.world.loading import Checked, ConfigErrors, check_text, check_world, keys_at, load_world

SOUND = """\
edges: [London, SYD62-C1]
site: {}
origins:
  site: { toy_site: true }
  other: { url: "http://127.0.0.1:3000" }
distributions:
  - name: harbour
    aliases: [www.harbour.test, "*.harbour.test", localhost, 127.0.0.1, "::1"]
    behaviors:
      - path: /a/*
        origin: site
        cache_policy: CachingOptimized
    default_behavior:
      origin: site
      cache_policy: CachingOptimized
"""


def test_a_sound_file_has_nothing_wrong() -> None:
    checked = check_text(SOUND)
    assert not checked.errors
    assert not checked.warnings
    assert checked.file is not None


def spoiled(old: str, new: str) -> Checked:
    assert old in SOUND
    return check_text(SOUND.replace(old, new, 1))


DEFAULT = "    default_behavior:\n      origin: site\n      cache_policy: CachingOptimized\n"

MISTAKES = [
    # what stands there, what stands there instead; then path, line, words of found, expected and hint
    ("edges:", "edgs:", "edgs", 1, 'unknown key "edgs"', 'Did you mean "edges"?'),
    ("[London, SYD62-C1]", "[]", "edges", 1, "no edge", "edges: worldwide"),
    ("[London, SYD62-C1]", "3", "edges", 1, "3", "a list"),
    ("SYD62-C1", "Sidney", "edges[1]", 1, '"Sidney"', "Sydney"),
    ("SYD62-C1", "LHR61-C2", "edges[1]", 1, "LHR61-C2, which edges[0] is too", "LHR50-C1"),
    ("SYD62-C1", "{pop: SYD, cash: 1 MB}", "edges[1].cash", 1, "unknown key", '"cache"'),
    ("SYD62-C1", "{pop: SYD, cache: 1 MBs}", "edges[1].cache", 1, '"1 MBs"', '"MB"'),
    ("site: {}", "site: {nodes: 0}", "site.nodes", 2, "0", "at least 1"),
    ("site: {}", "site: {place: Narnia-under-Sea}", "site.place", 2, "Narnia", "a place"),
    ("site: {}\n", "", "origins.site.toy_site", 3, "no `site` section", "site: {}"),
    ("site: {}", "site: {https: maybe}", "site.https", 2, '"maybe"', "true or false"),
    ("toy_site: true", "toy_site: false", "origins.site", 4, "neither", "exactly one"),
    ("toy_site: true", "toy_site: true, url: 'http://x'", "origins.site", 4, "both", "exactly one"),
    ("toy_site: true", "toy_site: true, shield: us-est-1", "origins.site.shield", 4, '"us-est-1"', '"us-east-1"'),
    ("toy_site: true", "toy_site: true, http_port: 81", "origins.site.http_port", 4, "81", "1024"),
    (
        "toy_site: true",
        "toy_site: true, connection_attempts: 4",
        "origins.site.connection_attempts",
        4,
        "4",
        "at most 3",
    ),
    (
        "toy_site: true",
        "toy_site: true, connection_timeout: 1 min",
        "origins.site.connection_timeout",
        4,
        "1 min",
        "10",
    ),
    ("toy_site: true", "toy_site: true, path: prod/", "origins.site.path", 4, '"prod/"', "leading slash"),
    ("toy_site: true", "toy_site: true, headers: {Via: x}", "origins.site.headers", 4, '"Via"', "refuses via"),
    ("toy_site: true", "toy_site: true, headers: {X-Amz-Foo: x}", "origins.site.headers", 4, "X-Amz-Foo", "x-amz-*"),
    ("toy_site: true", "toy_site: true, completion_timeout: 1 s", "origins.site", 4, "1 s", "response_timeout (30 s)"),
    ("http://127.0.0.1:3000", "127.0.0.1:3000", "origins.other.url", 5, "127.0.0.1:3000", "a URL such as"),
    ("http://127.0.0.1:3000", "http://u:p@h/", "origins.other.url", 5, "u:p", "credentials"),
    ("name: harbour", "nam: harbour", "distributions[0].nam", 7, 'unknown key "nam"', 'Did you mean "name"?'),
    ("name: harbour", "name: 5", "distributions[0].name", 7, "5", "Put it in quotes"),
    ("www.harbour.test", "localhost", "distributions[0].aliases[2]", 8, '"localhost"', "CNAMEAlreadyExists"),
    ("www.harbour.test", "www_.-x", "distributions[0].aliases[0]", 8, "www_.-x", "a DNS name"),
    ("www.harbour.test", "10.0.0.1", "distributions[0].aliases[0]", 8, "10.0.0.1", "loopback"),
    ("path: /a/*", "path: ''", "distributions[0].behaviors[0].path", 10, '""', "1 to 255"),
    ("origin: site", "origin: sight", "distributions[0].behaviors[0].origin", 11, '"sight"', 'Did you mean "site"?'),
    (
        "CachingOptimized",
        "CachingOptimised",
        "distributions[0].behaviors[0].cache_policy",
        12,
        '"CachingOptimised"',
        'Did you mean "CachingOptimized"?',
    ),
    (
        "cache_policy: CachingOptimized",
        "ttl: {min: 10, default: 5}",
        "distributions[0].behaviors[0].ttl",
        12,
        "min 10 s, default 5 s",
        "InvalidTTLOrder",
    ),
    (
        "cache_policy: CachingOptimized",
        "ttl: {min: 0.5}",
        "distributions[0].behaviors[0].ttl.min",
        12,
        "0.5",
        "a whole number of seconds",
    ),
    (
        "cache_policy: CachingOptimized",
        "methods: ALL",
        "distributions[0].behaviors[0]",
        10,
        "no cache policy",
        "CachingOptimized",
    ),
    (
        "cache_policy: CachingOptimized",
        "cache_policy: CachingOptimized\n        key: {}",
        "distributions[0].behaviors[0]",
        10,
        "cache_policy and ttl/key",
        "one way",
    ),
    (
        DEFAULT,
        DEFAULT + "    price_class: PriceClass_10\n",
        "distributions[0].price_class",
        16,
        "_10",
        '"PriceClass_100"',
    ),
    (
        DEFAULT,
        DEFAULT + "    certificate: mine\n",
        "distributions[0].certificate",
        16,
        '"mine"',
        "one of `certificates`",
    ),
    (DEFAULT, DEFAULT + "    geo: {allow: [GB, UX]}\n", "distributions[0].geo.allow[1]", 16, '"UX"', "a place"),
    (DEFAULT, DEFAULT + "    geo: {}\n", "distributions[0].geo", 16, "no list", "either"),
    (DEFAULT, DEFAULT + "    errors: [{code: 418}]\n", "distributions[0].errors[0]", 16, "418", "404"),
    (DEFAULT, DEFAULT + "    errors: [{code: 404, page: /x}]\n", "distributions[0].errors[0]", 16, "one of", "both"),
    (DEFAULT, DEFAULT + "    default_root_object: /x\n", "distributions[0].default_root_object", 16, '"/x"', "slash"),
    (DEFAULT, DEFAULT + "      methods: [GET]\n", "distributions[0].default_behavior.methods", 16, "GET", "GET_HEAD"),
    (DEFAULT, DEFAULT + "      key: {query: som}\n", "distributions[0].default_behavior.key.query", 16, '"som"', "all"),
    (DEFAULT, DEFAULT + "clock: {start: 2026-01-01}\n", "clock.start", 16, "2026-01-01", "a date with its zone"),
    (DEFAULT, DEFAULT + "clock: {speed: fast}\n", "clock.speed", 16, '"fast"', "a number"),
    (DEFAULT, DEFAULT + "latency: {access: fiber}\n", "latency.access", 16, '"fiber"', '"fibre"'),
    (DEFAULT, DEFAULT + "listen: {http: 80808}\n", "listen.http", 16, "80808", "65535"),
    (
        DEFAULT,
        DEFAULT + "front: {networks: [{cidr: 10.0.0.1/8, place: London}]}\n",
        "front.networks[0].cidr",
        16,
        "",
        "host",
    ),
    (
        DEFAULT,
        DEFAULT + "origin_groups: {g: {primary: site, secondary: site}}\n",
        "origin_groups.g",
        16,
        '"site" twice',
        "two different origins",
    ),
    (
        DEFAULT,
        DEFAULT + "origin_groups: {g: {primary: site, secondary: othr}}\n",
        "origin_groups.g.secondary",
        16,
        '"othr"',
        'Did you mean "other"?',
    ),
    (
        DEFAULT,
        DEFAULT + "cache_policies: {CachingOptimized: {}}\n",
        "cache_policies.CachingOptimized",
        16,
        "a managed policy",
        "a name of its own",
    ),
    (
        DEFAULT,
        DEFAULT + "response_headers_policies: {r: {remove: [Via]}}\n",
        "response_headers_policies.r",
        16,
        '"Via"',
        "lets you remove",
    ),
    (
        DEFAULT,
        DEFAULT + "origin_request_policies: {r: {headers: [Authorization]}}\n",
        "origin_request_policies.r",
        16,
        "Authorization",
        "cache key",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "line", "found", "help"), MISTAKES, ids=[m[2] + m[4] for m in MISTAKES])
def test_a_mistake_says_where_what_and_how(old: str, new: str, path: str, line: int, found: str, help: str) -> None:
    errors = spoiled(old, new).errors
    (error,) = [error for error in errors if error.path == path]
    assert error.line == line
    assert found in error.found
    assert help in f"{error.expected} {error.hint}"
    assert errors == [error], "a mistake drags no others along"


def test_an_alias_must_be_on_its_certificate() -> None:
    own = DEFAULT + '    certificate: mine\ncertificates: { mine: { names: ["*.harbour.test", localhost] } }\n'
    errors = spoiled(DEFAULT, own).errors
    assert [error.found for error in errors] == ['"127.0.0.1"', '"::1"']
    assert 'Add it to the names of certificate "mine"' in errors[0].hint


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
edges: [Sidney, London]
origins:
  a: { url: "http://x", response_timeout: 10 sek }
  c: {}
distributions:
  - name: one
    behaviors:
      - origin: a
        cache_policy: CachingOptimised
      - path: /x
        origin: d
        cache_policy: CachingOptimised
      - path: /y
        origin: c
        ttl: { min: 10, max: 5 }
    default_behavior: { origin: a }
"""
    errors = check_text(text).errors
    assert [(error.path, error.line) for error in errors] == [
        ("edges[0]", 1),
        ("origins.a.response_timeout", 3),
        ("origins.c", 4),
        ("distributions[0].behaviors[0].path", 8),
        ("distributions[0].behaviors[1].origin", 11),
        ("distributions[0].behaviors[1].cache_policy", 12),
        ("distributions[0].behaviors[2].ttl", 15),
        ("distributions[0].default_behavior", 16),
    ]


WARNINGS = [
    (DEFAULT, DEFAULT + "    http3: true\n", "distributions[0].http3"),
    (
        "path: /a/*",
        'path: "*"\n        origin: site\n        ttl: {}\n      - path: /b',
        "distributions[0].behaviors[1].path",
    ),
    (
        "cache_policy: CachingOptimized",
        "cache_policy: CachingDisabled\n        compress: true",
        "distributions[0].behaviors[0].compress",
    ),
    (
        DEFAULT,
        DEFAULT + "      profile: rfc9111\n      origin_request_policy: AllViewer\n",
        "distributions[0].default_behavior.origin_request_policy",
    ),
    (
        "site: {}\norigins:\n  site: { toy_site: true }",
        "regional_caches: false\nsite: {}\norigins:\n  site: { toy_site: true, shield: us-east-1 }",
        "origins.site.shield",
    ),
]


@pytest.mark.parametrize(("old", "new", "path"), WARNINGS, ids=[path for _, _, path in WARNINGS])
def test_what_has_no_effect_is_a_warning(old: str, new: str, path: str) -> None:
    checked = spoiled(old, new)
    assert not checked.errors
    assert [warning.path for warning in checked.warnings] == [path]
    assert checked.file is not None


def test_load_world_raises_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(SOUND.replace("SYD62-C1", "Sidney").replace("origin: site", "origin: sight"), encoding="utf-8")
    with pytest.raises(ConfigErrors) as caught:
        load_world(path, {})
    assert len(caught.value.errors) == 3
    assert all(isinstance(error, ConfigError) and error.file == str(path) for error in caught.value.errors)
    assert f"{path}:1: edges[1]" in str(caught.value)


def test_overrides_replace_an_origin(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(SOUND, encoding="utf-8")
    file = load_world(path, {}, {"origins": {"site": "https://127.0.0.1:8443/base"}, "latency": {"mode": "reported"}})
    assert file.origins["site"].url == "https://127.0.0.1:8443/base"
    assert not file.origins["site"].toy_site
    assert file.latency.mode == "reported"
    (error,) = check_world(path, {}, {"origins": {"sight": "http://x"}}).errors
    assert "--origin sight=http://x" in error.found
    assert "site, other" in error.expected


def test_keys_of_every_depth_are_known() -> None:
    assert "price_class" in keys_at(("distributions", 3))
    assert "path" in keys_at(("distributions", 3, "behaviors", 0))
    assert "min" in keys_at(("distributions", 3, "default_behavior", "ttl"))
    assert "override" in keys_at(("response_headers_policies", "x", "custom", "y"))
    assert keys_at(("name",)) == []


KEYS = "edges origins distributions name url path origin ttl min default_behavior behaviors site pop x"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
@settings(deadline=None)
def test_no_document_breaks_the_checker(data: object) -> None:
    checked = check_text(json.dumps(data))
    assert checked.errors or checked.file is not None
    for error in checked.errors:
        assert error.expected


@pytest.mark.parametrize("name", ["Transfer-Encoding", "content-length", "Connection"])
def test_a_policy_cannot_set_what_frames_a_message(name: str) -> None:
    text = f"response_headers_policies: {{ p: {{ custom: {{ {name}: x }} }} }}"
    errors = check_text(text).errors
    assert any(name in error.found for error in errors), errors
