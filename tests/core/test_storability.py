"""May it be kept: the rules that scenarios do not reach."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.behaviors import ALL_METHODS
from edgesim.core.freshness import controls_of
from edgesim.core.messages import Request, Response
from edgesim.core.policies import CachePolicy, Pick, Take, Ttls
from edgesim.core.profiles import CLOUDFRONT, RFC9111
from edgesim.core.reasons import NotStored
from edgesim.core.storability import has_validator, policy_refusal, standard_refusal
from support.playbook import behavior


def standard(status: int = 200, method: str = "GET", authorized: bool = False, **headers: str) -> NotStored | None:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    request = Request(method, "/", CIMultiDict({"Authorization": "x"} if authorized else {}))
    return standard_refusal(request, Response(status, fields), controls_of(fields, RFC9111))


@pytest.mark.parametrize(
    ("refused", "found"),
    [
        (NotStored.METHOD, standard(method="POST", Cache_Control="max-age=9")),
        (NotStored.METHOD, standard(method="HEAD", Cache_Control="max-age=9")),
        (NotStored.STATUS, standard(304, Cache_Control="max-age=9")),
        (NotStored.STATUS, standard(103, Cache_Control="max-age=9")),
        (None, standard(299, Cache_Control="max-age=9")),
        (NotStored.MUST_UNDERSTAND, standard(299, Cache_Control="max-age=9, must-understand")),
        (None, standard(200, Cache_Control="max-age=9, must-understand, no-store")),
        (NotStored.NO_STORE, standard(Cache_Control="max-age=9, no-store")),
        (NotStored.PRIVATE, standard(Cache_Control="max-age=9, private")),
        (None, standard(Cache_Control='max-age=9, private="X"')),
        (NotStored.AUTHORIZATION, standard(authorized=True, Cache_Control="max-age=9")),
        (None, standard(authorized=True, Cache_Control="public")),
        (None, standard(authorized=True, Cache_Control="s-maxage=9")),
        (None, standard(authorized=True, Cache_Control="max-age=9, must-revalidate")),
        (NotStored.VARY_STAR, standard(Cache_Control="max-age=9", Vary="accept, *")),
        (NotStored.NO_LIFETIME_NO_VALIDATOR, standard()),
        (None, standard(Expires="0")),
        (NotStored.NO_LIFETIME_NO_VALIDATOR, standard(CDN_Cache_Control="x", Expires="0")),
        (None, standard(ETag='"1"')),
        (None, standard(404, Last_Modified="x")),
        (NotStored.NO_LIFETIME_NO_VALIDATOR, standard(302, ETag='"1"')),
    ],
)
def test_a_standard_cache(refused: NotStored | None, found: NotStored | None) -> None:
    assert found is refused


def test_a_behaviour_that_cannot_keep_anything() -> None:
    answer, request = Response(200), Request("GET", "/")
    controls = controls_of(answer.headers, CLOUDFRONT)
    assert policy_refusal(behavior(ttls=Ttls(0, 0, 0)), request, answer, controls) is NotStored.CACHING_DISABLED
    forwards_all = behavior(policy=CachePolicy("l", "l", headers=Pick(Take.ALL), legacy=True))
    assert policy_refusal(forwards_all, request, answer, controls) is NotStored.ALL_HEADERS_FORWARDED
    served = behavior(allowed_methods=ALL_METHODS)
    assert policy_refusal(served, Request("OPTIONS", "/"), answer, controls) is NotStored.METHOD


def test_validators() -> None:
    assert has_validator(CIMultiDict({"Last-Modified": "x"}))
    assert not has_validator(CIMultiDict())
