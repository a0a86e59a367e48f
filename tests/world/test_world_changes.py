"""Commands: what they change, what they refuse, and that the same ones give the same World."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from small_worlds import OPTIMISED, START, TWO_EDGES, configure, harbour, small_config, world

from edgesim.core.policies import CachePolicy, Ttls
from edgesim.errors import ControlError
from edgesim.world.changes import apply
from edgesim.world.commands import (
    BindSite,
    ClearFault,
    Command,
    Configure,
    DropRecord,
    Invalidate,
    PutRecord,
    Reset,
    SetClock,
    SetEdge,
    SetFault,
    SetLatency,
    from_json,
    to_json,
)
from edgesim.world.loading import ConfigErrors
from edgesim.world.state import World

BASE = world()
ID = harbour(BASE)


def invalidation(number: int = 1, *paths: str, reference: str = "", at: float = START) -> Invalidate:
    return Invalidate(
        id=f"I{number:013}",
        distribution=ID,
        paths=paths or ("/*",),
        caller_reference=reference or str(number),
        at=at,
    )


PUT = "EPUTPUTPUTPUT1"
MINE = "11111111-1111-1111-1111-111111111111"


def putting(enabled: bool = True, alias: str = "put.test", expect: int = 0, policy: str = OPTIMISED) -> PutRecord:
    config = small_config("origin.harbour.test", policy, Aliases={"Quantity": 1, "Items": [alias]}, Enabled=enabled)
    facts: dict[str, JsonValue] = {"domain": "dputputputput1.cloudfront.net"}
    return PutRecord(family="distribution", id=PUT, config=config, facts=facts, at=START, expect=expect)


def policy(expect: int = 0, least: int = 1, id: str = MINE) -> PutRecord:
    config: dict[str, JsonValue] = {"Name": "mine", "MinTTL": least, "DefaultTTL": 2, "MaxTTL": 3}
    return PutRecord(family="cache-policy", id=id, config=config, at=START, expect=expect)


def dropping(family: str, id: str, version: int = 1) -> DropRecord:
    return DropRecord(family=family, id=id, at=START, expect=version)


SEVERAL: list[Command] = [
    configure(),
    BindSite(http_port=8000, https_port=8443),
    SetClock(real=START + 1, simulated=START + 500, speed=2),
    SetEdge(pop="SYD62-C1", state="stopped"),
    invalidation(1),
    SetLatency(mode="reported", scale=0.5),
    SetFault(id="f", target="origin:site", kind="slow", value=100),
    ClearFault(id="f"),
    putting(enabled=False),
    dropping("distribution", PUT),
    policy(),
    dropping("cache-policy", MINE),
    Reset(real=START + 9),
]


def test_each_command_changes_the_world_and_goes_through_json() -> None:
    state = World()
    for number, command in enumerate(SEVERAL, 1):
        assert from_json(to_json(command)) == command
        state = apply(state, command)
        assert state.generation == number


def test_the_same_commands_give_an_equal_world() -> None:
    def run(commands: list[Command]) -> World:
        state = World()
        for command in commands:
            state = apply(state, command)
        return state

    for length in range(len(SEVERAL) + 1):
        assert run(SEVERAL[:length]) == run([from_json(to_json(command)) for command in SEVERAL[:length]])


REFUSED = [
    (SetEdge(pop="SYD62-C2", state="up"), "NoSuchEdge", 404, "SYD62-C1"),
    (invalidation().model_copy(update={"distribution": ID[:-1] + "0"}), "NoSuchDistribution", 404, ID),
    (invalidation(1, "x"), "InvalidArgument", 400, "starts with /"),
    (invalidation(1, "/~x"), "InvalidArgument", 400, "no ~"),
    (invalidation(1, "/" + "x" * 4000), "InvalidArgument", 400, "4000"),
    (invalidation().model_copy(update={"paths": ()}), "InvalidArgument", 400, "at least one"),
    (invalidation(1, *(f"/{n}" for n in range(3016))), "BatchTooLarge", 413, "3015"),
    (SetClock(real=START, simulated=START - 1), "InvalidArgument", 400, "go back"),
    (SetClock(real=START, simulated=START, speed=-1), "InvalidArgument", 400, "backwards"),
    (SetFault(id="x", target="node:a", kind="stop"), "InvalidArgument", 400, "edge:POP"),
    (SetFault(id="x", target="edge:SYD62-C9", kind="stop"), "NoSuchEdge", 404, "SYD62-C1"),
    (SetFault(id="x", target="origin:sight", kind="stop"), "NoSuchTarget", 404, "site"),
    (SetFault(id="x", target="regional:us-east-9", kind="stop"), "NoSuchTarget", 404, "us-east-2"),
    (SetFault(id="x", target="link:SYD62-C1->nowhere", kind="slow", value=1), "NoSuchTarget", 404, "link"),
    (SetFault(id="x", target="link:SYD62-C1", kind="slow", value=1), "NoSuchTarget", 404, "link"),
    (SetFault(id="x", target="origin:site", kind="partition"), "InvalidArgument", 400, "partition"),
    (SetFault(id="x", target="origin:site", kind="slow"), "InvalidArgument", 400, "milliseconds"),
    (SetFault(id="x", target="origin:site", kind="error", value=200), "InvalidArgument", 400, "400 to 599"),
    (ClearFault(id="x"), "NoSuchFault", 404, "x"),
    (putting(alias="www.harbour.test"), "CNAMEAlreadyExists", 409, ID),
    (putting(policy="x"), "NoSuchCachePolicy", 404, "x"),
    (putting(expect=1), "PreconditionFailed", 412, PUT),
    (putting().model_copy(update={"id": ID}), "AccessDenied", 403, "world.yaml"),
    (putting().model_copy(update={"config": {}}), "InvalidArgument", 400, "makes no sense"),
    (putting().model_copy(update={"family": "parrot"}), "InvalidArgument", 400, "parrot"),
    (dropping("distribution", "E0000000000000"), "PreconditionFailed", 412, "E0000000000000"),
    (policy(id=OPTIMISED), "AccessDenied", 403, OPTIMISED),
]


@pytest.mark.parametrize(("command", "code", "status", "words"), REFUSED)
def test_what_makes_no_sense_is_refused_by_name(command: Command, code: str, status: int, words: str) -> None:
    with pytest.raises(ControlError) as caught:
        apply(BASE, command)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert words in caught.value.message


def test_a_broken_file_is_refused() -> None:
    with pytest.raises(ConfigErrors):
        apply(BASE, Configure(source="x", document={"edges": ["Narnia"]}, real=START))


def test_nonsense_is_no_command() -> None:
    for text in ("", "{}", '{"command":"explode"}', '{"command":"reset"}', '{"command":"reset","real":1,"x":2}'):
        with pytest.raises(ControlError):
            from_json(text)


def test_what_changes_nothing_gives_the_same_world() -> None:
    for command in (SetEdge(pop="SYD62-C1", state="up"), BindSite(http_port=0)):
        assert apply(BASE, command) is BASE
    state = apply(BASE, invalidation(1, "/a", "/b"))
    assert apply(state, invalidation(2, "/b", "/a", reference="1")) is state


def test_a_caller_reference_belongs_to_one_batch() -> None:
    state = apply(BASE, invalidation(1, "/a"))
    with pytest.raises(ControlError) as caught:
        apply(state, invalidation(2, "/b", reference="1"))
    assert caught.value.code == "InvalidationBatchAlreadyExists"


def test_wildcards_and_paths_in_progress_are_limited_apart() -> None:
    text = TWO_EDGES + "propagation: { invalidations: 60 s }\n"
    state = apply(world(text), invalidation(1, *(f"/{n}*" for n in range(15)), *(f"/{n}" for n in range(2999))))
    state = apply(state, invalidation(2, "/last"))
    for path in ("/x", "/x*"):
        with pytest.raises(ControlError) as caught:
            apply(state, invalidation(3, path, at=START + 59))
        assert caught.value.code == "TooManyInvalidationsInProgress"
        apply(state, invalidation(3, path, at=START + 60))


def test_an_invalidation_completes_when_the_last_edge_has_it() -> None:
    (now,) = apply(BASE, invalidation()).invalidations
    assert now.status(START) == "Completed"
    (later,) = apply(world(TWO_EDGES + "propagation: { invalidations: 60 s }\n"), invalidation()).invalidations
    assert later.status(START + 59.9) == "InProgress"
    assert later.status(START + 60) == "Completed"
    assert START <= later.due("SYD62-C1") <= START + 60
    assert later.due("SYD62-C1") != later.due("LHR61-C2")


def test_the_toy_site_gets_its_ports() -> None:
    origin = apply(BASE, BindSite(http_port=8000, https_port=8443)).distributions[ID].origins["site"]
    assert (origin.domain, origin.address, origin.http_port, origin.https_port) == (
        "origin.harbour.test",
        "127.0.0.1",
        8000,
        8443,
    )


def test_a_changed_file_keeps_what_still_exists() -> None:
    state = world(
        TWO_EDGES,
        SetClock(real=START, simulated=START + 3600, speed=2),
        SetEdge(pop="SYD62-C1", state="stopped"),
        SetEdge(pop="LHR61-C2", state="partitioned"),
        SetFault(id="f", target="edge:SYD62-C1", kind="slow", value=5),
        SetFault(id="g", target="origin:site", kind="stop"),
        invalidation(),
        putting(),
    )
    after = apply(state, configure(TWO_EDGES.replace("{pop: SYD62-C1, cache: 1 MB}", "Tokyo"), START + 10))
    assert after.simulated_now(START + 10) == START + 3620
    assert after.states == {"LHR61-C2": "partitioned"}
    assert set(after.faults) == {"g"}
    assert len(after.invalidations) == 1
    assert "EPUTPUTPUTPUT1" in after.distributions
    assert apply(after, configure(TWO_EDGES.replace("name: harbour", "name: port"))).invalidations == ()


def test_a_changed_clock_section_sets_the_clock() -> None:
    later = apply(BASE, configure(TWO_EDGES + "clock: { paused: true }\n", START + 10))
    assert later.simulated_now(START + 99) == START + 10


def test_stopped_edges_are_down_and_partitioned_ones_are_not() -> None:
    state = world(TWO_EDGES, SetEdge(pop="SYD62-C1", state="stopped"), SetEdge(pop="LHR61-C2", state="partitioned"))
    assert state.down == {"SYD62-C1"}
    broken = apply(BASE, SetFault(id="f", target="edge:LHR61-C2", kind="stop"))
    assert broken.down == {"LHR61-C2"}
    assert apply(broken, ClearFault(id="f")).down == frozenset()
    assert apply(state, SetEdge(pop="SYD62-C1", state="up")).down == frozenset()


def test_a_distribution_is_dropped_only_when_disabled() -> None:
    state = apply(BASE, putting())
    assert state.distribution_for("put.test") is not None
    with pytest.raises(ControlError) as caught:
        apply(state, dropping("distribution", PUT))
    assert (caught.value.code, caught.value.status) == ("DistributionNotDisabled", 409)
    state = apply(apply(state, putting(enabled=False, expect=1)), dropping("distribution", PUT, 2))
    assert state.distribution_for("put.test") is None


def test_behaviours_follow_their_policy() -> None:
    state = apply(apply(BASE, policy()), putting(policy=MINE))
    state = apply(state, policy(expect=1, least=2))
    assert state.distributions[PUT].behaviors[-1].policy == CachePolicy(MINE, "mine", Ttls(2, 2, 3))
    assert state.policies.cache[MINE].ttls.minimum == 2
    with pytest.raises(ControlError) as caught:
        apply(state, dropping("cache-policy", MINE, 2))
    assert caught.value.code == "CachePolicyInUse"


def test_another_document_leaves_distributions_as_they_are() -> None:
    state = apply(BASE, putting())
    after = apply(state, policy())
    assert all(after.distributions[id] is one for id, one in state.distributions.items())


def test_a_document_the_changed_file_leaves_without_its_name_gives_no_distribution() -> None:
    state = apply(BASE, putting())
    after = apply(state, configure(TWO_EDGES.replace('"*.harbour.test"', "put.test")))
    assert PUT not in after.distributions
    assert after.records == state.records
    again = apply(after, configure())
    assert again.distributions[PUT] == state.distributions[PUT]


def test_changed_documents_take_their_time_to_the_edges() -> None:
    state = world(TWO_EDGES + "propagation: { distributions: 60 s }\n", putting())
    assert not state.deployed(PUT, START + 59)
    assert state.deployed(PUT, START + 60)
    assert state.distribution_at("LHR61-C2", "put.test", START) is None
    assert state.distribution_at("LHR61-C2", "put.test", START + 60) == state.distributions[PUT]


def test_reset_goes_back_to_the_file() -> None:
    state = world(TWO_EDGES, *SEVERAL[1:7])
    again = apply(state, Reset(real=START + 100))
    assert again.simulated_now(START + 101) == START + 101
    assert (again.states, again.faults, again.invalidations) == ({}, {}, ())
    assert again.latency == BASE.latency
    assert again.site_address.http_port == 8000


REAL = st.floats(START, START + 9)
ANY = st.one_of(
    st.builds(SetEdge, pop=st.sampled_from(["SYD62-C1", "LHR61-C2", "x"]), state=st.sampled_from(["up", "stopped"])),
    st.builds(
        SetClock, real=st.floats(START, START + 9), simulated=st.floats(START, START + 99), speed=st.floats(0, 9)
    ),
    st.builds(invalidation, st.integers(1, 3), st.sampled_from(["/a", "/b*", "c"])),
    st.builds(
        SetFault,
        id=st.sampled_from("ab"),
        target=st.sampled_from(["origin:site", "edge:SYD62-C1", "link:SYD62-C1->site", "x"]),
        kind=st.sampled_from(["stop", "slow", "error"]),
        value=st.sampled_from([0.0, 5.0, 503.0]),
    ),
    st.builds(ClearFault, id=st.sampled_from("ab")),
    st.builds(SetLatency, mode=st.sampled_from(["real", "reported"])),
    st.builds(Reset, real=REAL),
)


@given(st.lists(ANY, max_size=12))
@settings(deadline=None)
def test_any_commands_are_refused_or_repeat_exactly(commands: list[Command]) -> None:
    one = two = BASE
    for command in commands:
        try:
            one = apply(one, command)
        except ControlError:
            continue
        two = apply(two, from_json(to_json(command)))
    assert one == two
