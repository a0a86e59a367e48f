"""The worlds that come with the project, the schema for editors, and the reference."""

from pathlib import Path
from typing import Any

import pytest

from edgesim.core.behaviors import GET_HEAD, OriginProtocol, match_behavior
from edgesim.core.policies import Take
from edgesim.world.changes import apply
from edgesim.world.commands import BindSite
from edgesim.world.loading import check_world
from edgesim.world.reference import reference_text
from edgesim.world.schema import schema_text, world_schema
from edgesim.world.state import World

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def world(name: str, env: dict[str, str] | None = None) -> World:
    configured = apply(World(), check_world(ROOT / "configs" / name, env or {}).configure(0))
    return apply(configured, BindSite(http_port=9080, https_port=9443))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_loads_without_a_warning(path: Path) -> None:
    checked = check_world(path, {})
    assert not checked.errors
    assert not checked.warnings
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    state = world(path.name)
    assert state.file.name == path.stem
    found = state.distribution_for("127.0.0.1:8080")
    assert found is not None
    assert found is state.distribution_for("localhost")
    for origin in found.origins.values():
        assert origin.http_port
        assert origin.https_port


def test_the_demo_spans_the_world() -> None:
    state = world("demo.yaml")
    assert {site.place.continent for site in state.sites} == {"AF", "AS", "EU", "NA", "OC", "SA"}
    assert len(state.sites) >= 12
    distribution = state.distribution_for("www.harbour.test")
    assert distribution is not None
    assert distribution.origins["site"].protocol is OriginProtocol.HTTPS_ONLY

    def at(path: str) -> Any:
        return match_behavior(distribution, path).behavior

    for path in ("/wp-admin/", "/wp-admin/index.php", "/wp-login.php", "/wp-comments-post.php"):
        assert not at(path).caching
        assert "POST" in at(path).allowed_methods
        assert at(path).origin_request.cookies.take is Take.ALL
    assert at("/wp-content/uploads/harbour.jpg").policy.ttls.minimum == 1
    assert at("/lab/x").policy.query.take is Take.ALL
    assert not at("/lab").compress
    assert at("/2026/03/a-post/").allowed_methods == GET_HEAD
    assert at("/").policy.query.take is Take.ALL
    assert at("/").policy.cookies.names


def test_the_demo_keys_on_the_cookies_the_site_sets() -> None:
    from origin.site import COOKIE_TAIL, LOGGED_IN

    names = set(world("demo.yaml").file.cache_policies["pages"].key.cookies.names)
    assert names == {LOGGED_IN + COOKIE_TAIL, f"comment_author_{COOKIE_TAIL}", f"comment_author_email_{COOKIE_TAIL}"}


def test_your_site_is_where_the_environment_says() -> None:
    (distribution,) = world("your-site.yaml", {"ORIGIN_URL": "https://shop.example.test/base"}).distributions.values()
    origin = distribution.origins["site"]
    assert (origin.domain, origin.https_port, origin.path) == ("shop.example.test", 443, "/base")
    assert origin.protocol is OriginProtocol.HTTPS_ONLY


def test_the_schema_is_current() -> None:
    published = (ROOT / "configs" / "schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run: python -m edgesim.world.schema > configs/schema.json"


def test_the_reference_is_current_and_complete() -> None:
    published = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert published == reference_text(), "run: python -m edgesim.world.reference > docs/configuration.md"
    schema = world_schema()
    objects = [
        schema,
        *(one for definition in schema["$defs"].values() for one in definition.get("anyOf", [definition])),
    ]
    for one in objects:
        for key in one.get("properties", ()):
            assert f"| `{key}` |" in published


def test_every_key_is_explained() -> None:
    rows = [line for line in reference_text().splitlines() if line.startswith("| `") and line.count(" | ") == 3]
    assert len(rows) > 100
    for row in rows:
        *_, value, _, words = row.strip("| ").split(" | ")
        assert value, row
        assert words, row
