"""World files as documents of the API: the document compiles to what the file says."""

from dataclasses import replace
from pathlib import Path

import pytest
from botocore.model import StructureShape
from botocore.validate import ParamValidator
from small_worlds import START, world

from edgesim.api.model import service
from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.core.policies import PolicyBook
from edgesim.world.changes import apply
from edgesim.world.cloudfront.describing import described
from edgesim.world.cloudfront.distribution import distribution
from edgesim.world.cloudfront.policies import cache_policy, origin_request_policy, response_headers_policy
from edgesim.world.deriving import surroundings
from edgesim.world.loading import check_world
from edgesim.world.state import World

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SHAPES = {
    "distribution": "DistributionConfig",
    "cache-policy": "CachePolicyConfig",
    "origin-request-policy": "OriginRequestPolicyConfig",
    "response-headers-policy": "ResponseHeadersPolicyConfig",
    "origin-access-control": "OriginAccessControlConfig",
    "public-key": "PublicKeyConfig",
    "key-group": "KeyGroupConfig",
}


def loaded(path: Path) -> World:
    return apply(World(), check_world(path).configure(START))


def sayable(one: Distribution) -> Distribution:
    """A distribution without what no document can say."""
    return replace(
        one,
        account="",
        origins={id: _sayable_origin(origin) for id, origin in one.origins.items()},
        behaviors=tuple(_sayable_behavior(behavior) for behavior in one.behaviors),
    )


def _sayable_origin(origin: Origin) -> Origin:
    whole = {
        name: float(max(1, round(getattr(origin, name))))
        for name in ("connection_timeout", "response_timeout", "keepalive_timeout")
    }
    return replace(origin, **whole)


def _sayable_behavior(one: Behavior) -> Behavior:
    policy = replace(one.policy, id="", name="") if one.policy.legacy else one.policy
    plain = Behavior("*", "", policy)
    return replace(one, policy=policy, profile=plain.profile, range_block=plain.range_block)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_file_described_and_compiled_is_what_it_was(path: Path) -> None:
    state = loaded(path)
    around = surroundings(state)
    found = described(state, "distribution")
    assert list(found) == list(state.distributions)
    for id, record in found.items():
        again = distribution(id, record.config, record.facts, around)
        assert sayable(again) == sayable(state.distributions[id])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_policies_described_and_compiled_are_what_they_were(path: Path) -> None:
    state = loaded(path)
    book = state.policies
    assert {id: cache_policy(id, one.config) for id, one in described(state, "cache-policy").items()} == book.cache
    requests = described(state, "origin-request-policy")
    assert {id: origin_request_policy(id, one.config) for id, one in requests.items()} == book.origin_request
    responses = described(state, "response-headers-policy")
    assert {id: response_headers_policy(id, one.config) for id, one in responses.items()} == book.response_headers


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_descriptions_are_of_the_models_shapes(path: Path) -> None:
    state = loaded(path)
    for family, name in SHAPES.items():
        shape = service("cloudfront").shape_for(name)
        assert isinstance(shape, StructureShape)
        for record in described(state, family).values():
            report = ParamValidator().validate(dict(record.config), shape)
            assert not report.has_errors(), report.generate_report()


def test_managed_policies_are_cloudfronts_and_the_others_the_files() -> None:
    found = described(world(), "cache-policy")
    owners = {one.facts["owner"] for id, one in found.items() if id in PolicyBook().cache}
    assert owners == {"managed"}
    own = [one for one in found.values() if one.facts["owner"] == "file"]
    assert [one.config["Name"] for one in own] == ["pages"]
