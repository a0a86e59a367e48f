"""The certificates of a running world as its World changes and its clock goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.assembly.certificates import Certificates
from edgesim.tls.authority import DAY, self_signed
from edgesim.world.changes import apply
from edgesim.world.loading import check_text
from edgesim.world.state import World

NOW = 1_780_000_000.0
FILE = """\
edges: [London]
origins: { main: { url: "http://127.0.0.1:9" } }
distributions:
  - name: one
    aliases: [www.one.test]
    certificate: mine
    default_behavior: { origin: main, cache_policy: CachingOptimized }
  - name: two
    aliases: [www.two.test]
    default_behavior: { origin: main, cache_policy: CachingOptimized }
  - name: three
    default_behavior: { origin: main, cache_policy: CachingOptimized }
certificates:
  mine: { chain: chain.pem, key: key.pem }
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    issued = self_signed(["www.one.test"], now=NOW, days=30)
    (tmp_path / "chain.pem").write_bytes(issued.chain_pem)
    (tmp_path / "key.pem").write_bytes(issued.key_pem)
    return apply(World(), check_text(FILE, file=str(tmp_path / "world.yaml")).configure(NOW))


def names(certificates: Certificates, world: World) -> dict[str, tuple[str, ...]]:
    """The names of the certificate of each distribution, by its name in the file."""
    assigned = certificates.assigned()
    return {
        entry.name: assigned[id].names for entry, id in zip(world.file.distributions, world.distributions, strict=True)
    }


def test_each_distribution_has_its_own_or_cloudfronts(world: World, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "state", world, NOW, NOW)
    default = ("*.cloudfront.net", "cloudfront.net")
    assert names(certificates, world) == {"one": ("www.one.test",), "two": ("www.two.test",), "three": default}
    assert len(certificates.store) == 3
    assert certificates.store.assigned == {
        id: one.arn for id, one in certificates.assigned().items() if id
    }  # what ACM calls in use


def test_an_imported_certificate_may_expire_while_the_world_runs(world: World, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "state", world, NOW, NOW)
    before = certificates.assigned()
    later = NOW + 31 * DAY
    certificates.update(world, later)
    assert certificates.assigned() == before
    one = next(one for one in certificates.store.list() if one.names == ("www.one.test",))
    assert not one.valid_at(later)


def test_an_automatic_one_that_is_no_longer_good_is_replaced(world: World, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "state", world, NOW, NOW)
    (two,) = (one for one in certificates.store.list() if one.names == ("www.two.test",))
    certificates.update(world, NOW + 394 * DAY)
    assert certificates.store.get(two.arn) == two
    certificates.update(world, NOW + 396 * DAY)
    again = certificates.store.get(two.arn)
    assert again is not None
    assert again.not_after == NOW + (396 + 395) * DAY
    assert names(certificates, world)["two"] == ("www.two.test",)
