"""The operations that act, by service: one module for each kind of thing, collected here."""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.api.call import Handler

CLOUDFRONT: Mapping[str, Handler] = {}
ACM: Mapping[str, Handler] = {}
STS: Mapping[str, Handler] = {}
