"""Kinds of documents that are created, read, replaced, deleted and listed alike, and the machinery that does it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.etags import check_if_match, etag
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record

ADDRESS = "https://cloudfront.amazonaws.com/2020-05-31"
"""What a Location header begins with."""

Check = Callable[[Account, Mapping[str, Any], Record | None], Mapping[str, Any]]
"""Judges a document before it is stored, given the one it replaces if any; gives it back as CloudFront stores it."""


@dataclass(frozen=True, slots=True)
class Use:
    """Documents of ``family`` use one by naming it in ``member``; ``form`` is how its id is written there."""

    family: str
    member: str
    form: str = "{id}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A regular kind of document: its names in the API, its errors and its rules.

    ``name`` is the output's member and in the reading operations, ``noun`` in the writing ones (``name`` unless
    given), ``plural`` in List. ``lists`` is the form of a list's items: the members by themselves, wrapped in a member
    ``name``, or wrapped with a Type, managed or custom. An id is ``prefix`` and 13 letters, without a prefix a UUID.
    ``unique`` members have no value twice, ``reference`` means that a CallerReference makes Create safe to repeat, and
    an update that changes a ``fixed`` member fails with ``fixed_error``.
    """

    family: str
    name: str
    plural: str
    lists: Literal["plain", "wrapped", "typed"]
    missing: str
    exists: str
    too_many: str
    limit: int
    check: Check
    users: tuple[Use, ...] = ()
    in_use: str = "ResourceInUse"
    path: str = ""
    prefix: str = ""
    noun: str = ""
    unique: tuple[str, ...] = ("Name",)
    reference: bool = False
    fixed: tuple[str, ...] = ()
    fixed_error: str = "IllegalUpdate"
    time: str = "LastModifiedTime"
    facts: Callable[[], Mapping[str, Any]] = dict
    """Members outside the configuration, made with the document."""

    @property
    def config(self) -> str:
        """The member that holds the configuration."""
        return f"{self.name}Config"

    def location(self, id: str) -> str:
        """The address of a document."""
        return f"{ADDRESS}/{self.path or self.family}/{id}"


def operations(kind: Kind) -> dict[str, Handler]:
    """The operations of a kind, by name."""
    noun = kind.noun or kind.name
    return {
        f"Create{noun}": partial(_create, kind),
        f"Get{kind.name}": partial(_get, kind),
        f"Get{kind.config}": partial(_get_config, kind),
        f"Update{noun}": partial(_update, kind),
        f"Delete{noun}": partial(_delete, kind),
        f"List{kind.plural}": partial(_list, kind),
    }


def mentions(document: Any, member: str, value: str) -> bool:
    """True where a document has ``member`` with this value, alone or in a list of Items, at any depth."""
    if isinstance(document, list | tuple):
        return any(mentions(part, member, value) for part in document)
    if not isinstance(document, Mapping):
        return False
    return any(
        (name == member and _holds(part, value)) or mentions(part, member, value) for name, part in document.items()
    )


def used(account: Account, id: str, users: tuple[Use, ...]) -> bool:
    """True when a document names ``id`` in one of these ways."""
    return any(
        mentions(record.config, use.member, use.form.format(id=id))
        for use in users
        for record in account.all(use.family)
    )


def owned(account: Account, record: Record, change: Literal["IllegalUpdate", "IllegalDelete"]) -> None:
    """Refuse to change what the world file defines (AccessDenied) or what is managed (``change``)."""
    owner = record.facts.get("owner")
    if owner == "file":
        where = account.world.source or "the world file"
        raise fault("AccessDenied", f"{record.id} is defined in {where}, so the API cannot change it. Edit the file.")
    if owner is not None:
        raise fault(change)


def _holds(part: Any, value: str) -> bool:
    if isinstance(part, Mapping):
        part = part.get("Items")
    return value in part if isinstance(part, list | tuple) else bool(part == value)


def _create(kind: Kind, call: Call) -> Mapping[str, Any]:
    account, sent = call.account, call.params[kind.config]
    config = dict(kind.check(account, sent, None))
    own = [record for record in account.all(kind.family) if "owner" not in record.facts]
    if kind.reference:
        for record in own:
            if record.facts.get("caller_reference") == config["CallerReference"]:
                if record.facts.get("first") == config:
                    return _created(kind, record)
                raise fault(kind.exists)
    _check_unique(kind, account, config, None)
    if len(own) >= kind.limit:
        raise fault(kind.too_many)
    facts = dict(kind.facts())
    if kind.reference:
        facts |= {"caller_reference": config["CallerReference"], "first": config}
    id = account.new_id(kind.prefix) if kind.prefix else str(uuid.uuid4())
    return _created(kind, account.put(kind.family, id, config, expect=0, facts=facts))


def _created(kind: Kind, record: Record) -> Mapping[str, Any]:
    return {kind.name: _whole(kind, record), "Location": kind.location(record.id), "ETag": etag(record.version)}


def _get(kind: Kind, call: Call) -> Mapping[str, Any]:
    record = _find(kind, call)
    return {kind.name: _whole(kind, record), "ETag": etag(record.version)}


def _get_config(kind: Kind, call: Call) -> Mapping[str, Any]:
    record = _find(kind, call)
    return {kind.config: record.config, "ETag": etag(record.version)}


def _update(kind: Kind, call: Call) -> Mapping[str, Any]:
    record = _find(kind, call)
    owned(call.account, record, "IllegalUpdate")
    check_if_match(call, record)
    config = dict(kind.check(call.account, call.params[kind.config], record))
    if any(config.get(member) != record.config.get(member) for member in kind.fixed):
        raise fault(kind.fixed_error)
    _check_unique(kind, call.account, config, record)
    record = call.account.put(kind.family, record.id, config, expect=record.version)
    return {kind.name: _whole(kind, record), "ETag": etag(record.version)}


def _delete(kind: Kind, call: Call) -> Mapping[str, Any]:
    record = _find(kind, call)
    owned(call.account, record, "IllegalDelete")
    check_if_match(call, record)
    if used(call.account, record.id, kind.users):
        raise fault(kind.in_use)
    call.account.drop(record)
    return {}


def _list(kind: Kind, call: Call) -> Mapping[str, Any]:
    records = call.account.all(kind.family)
    if kind.lists == "typed" and "Type" in call.params:
        records = [record for record in records if _type(record) == call.params["Type"]]
    return {f"{kind.name}List": page([_item(kind, record) for record in records], call.params, _id_in(kind))}


def _id_in(kind: Kind) -> Callable[[Mapping[str, Any]], str]:
    if kind.lists == "plain":
        return lambda item: str(item["Id"])
    return lambda item: str(item[kind.name]["Id"])


def _item(kind: Kind, record: Record) -> Mapping[str, Any]:
    whole = _whole(kind, record)
    if kind.lists == "plain":
        return {"Description": "", **whole, **record.config}
    return ({"Type": _type(record)} if kind.lists == "typed" else {}) | {kind.name: whole}


def _type(record: Record) -> str:
    return "managed" if record.facts.get("owner") == "managed" else "custom"


def _whole(kind: Kind, record: Record) -> dict[str, Any]:
    more = {name: record.facts[name] for name in kind.facts()}
    times = {"LastModifiedTime": record.modified, "CreatedTime": record.created}
    if kind.time:
        more[kind.time] = times[kind.time]
    return {"Id": record.id, **more, kind.config: record.config}


def _find(kind: Kind, call: Call) -> Record:
    record = call.account.find(kind.family, call.params["Id"])
    if record is None:
        raise fault(kind.missing)
    return record


def _check_unique(kind: Kind, account: Account, config: Mapping[str, Any], old: Record | None) -> None:
    for member in kind.unique:
        for record in account.all(kind.family):
            if record.config.get(member) == config.get(member) and (old is None or record.id != old.id):
                raise fault(kind.exists)
