"""CloudFormation's intrinsic functions, as far as a template alone can answer them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from edgesim.api.account import ACCOUNT
from edgesim.api.importing.plan import Unreadable

MOST_VALUES = 500_000
"""A template of aliases within aliases can ask for more values than there are atoms."""

NOTHING = object()
"""What AWS::NoValue stands for: the member is left out."""

PSEUDO: Mapping[str, Any] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": NOTHING,
    "AWS::NotificationARNs": [],
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/edgesim/0",
    "AWS::URLSuffix": "amazonaws.com",
}

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


class Intrinsics:
    """Answers the functions of one template. ``attribute`` gives what Ref ("Ref") and GetAtt give of a resource."""

    def __init__(
        self,
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        attribute: Callable[[str, str], Any],
    ) -> None:
        self._parameters = parameters
        self._mappings = mappings
        self._conditions = conditions
        self._attribute = attribute
        self._known: dict[str, bool] = {}
        self._asking: list[str] = []
        self._values = 0

    def resolve(self, value: Any) -> Any:
        """A value with every function in it answered; raises Unreadable for what cannot be."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise Unreadable("the template has too many values")
        if isinstance(value, list):
            return [found for one in value if (found := self.resolve(one)) is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise Unreadable(f"{name} needs AWS itself, or is no function edgesim knows")
        return {key: found for key, one in value.items() if (found := self.resolve(one)) is not NOTHING}

    def condition(self, name: Any) -> bool:
        """Whether a named condition holds."""
        if not isinstance(name, str) or name not in self._conditions:
            raise Unreadable(f"there is no condition {str(name)[:60]!r}")
        if name in self._asking:
            raise Unreadable(f"the condition {name!r} depends on itself")
        if name not in self._known:
            self._asking.append(name)
            self._known[name] = _true(self.resolve(self._conditions[name]))
            self._asking.pop()
        return self._known[name]

    def _ref(self, name: Any) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        return PSEUDO[name] if name in PSEUDO else self._attribute(str(name), "Ref")

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else self.resolve(argument)
        if len(parts) < 2:
            raise Unreadable(f"Fn::GetAtt: expected Resource.Attribute, found {str(argument)[:60]!r}")
        return self._attribute(str(parts[0]), ".".join(map(str, parts[1:])))

    def _sub(self, argument: Any) -> str:
        text, given = (argument[0], self.resolve(argument[1])) if isinstance(argument, list) else (argument, {})

        def replace(found: re.Match[str]) -> str:
            name = found[2].strip()
            if found[1]:
                return f"${{{found[2]}}}"
            if name in given:
                return _text(given[name])
            return _text(self._ref(name) if "." not in name else self._get_att(name))

        return _VARIABLE.sub(replace, str(text))

    def _join(self, argument: Any) -> str:
        between, parts = argument
        return _text(between).join(map(_text, self._list(parts, "Fn::Join")))

    def _select(self, argument: Any) -> Any:
        index, items = int(self.resolve(argument[0])), self._list(argument[1], "Fn::Select")
        if not 0 <= index < len(items):
            raise Unreadable(f"Fn::Select: there is no item {index} of {len(items)}")
        return items[index]

    def _split(self, argument: Any) -> list[str]:
        return _text(self.resolve(argument[1])).split(_text(argument[0]))

    def _if(self, argument: Any) -> Any:
        name, yes, no = argument
        return self.resolve(yes if self.condition(name) else no)

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (self.resolve(one) for one in argument[:3])
        found = self._mappings.get(name)
        for key in (first, second):
            found = found.get(key, found.get(str(key))) if isinstance(found, dict) else None
        if found is None and len(argument) > 3 and isinstance(argument[3], dict) and "DefaultValue" in argument[3]:
            return self.resolve(argument[3]["DefaultValue"])
        if found is None:
            raise Unreadable(f"Fn::FindInMap: {name} has nothing at {first}, {second}")
        return found

    def _list(self, value: Any, where: str) -> list[Any]:
        found = self.resolve(value)
        if isinstance(found, str):
            found = found.split(",")  # a CommaDelimitedList parameter
        if not isinstance(found, list):
            raise Unreadable(f"{where}: expected a list, found {str(found)[:60]!r}")
        return found

    def _all(self, argument: Any) -> list[bool]:
        return [_true(self.resolve(one)) for one in argument]


def _checked(name: str, answer: Callable[[Intrinsics, Any], Any]) -> Callable[[Intrinsics, Any], Any]:
    def ask(self: Intrinsics, argument: Any) -> Any:
        try:
            return answer(self, argument)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            raise Unreadable(f"{name}: cannot be used with {str(argument)[:80]!r}") from None

    return ask


_FUNCTIONS: Mapping[str, Callable[[Intrinsics, Any], Any]] = {
    name: _checked(name, answer)
    for name, answer in (
        ("Ref", Intrinsics._ref),
        ("Condition", Intrinsics.condition),
        ("Fn::GetAtt", Intrinsics._get_att),
        ("Fn::Sub", Intrinsics._sub),
        ("Fn::Join", Intrinsics._join),
        ("Fn::Select", Intrinsics._select),
        ("Fn::Split", Intrinsics._split),
        ("Fn::If", Intrinsics._if),
        ("Fn::FindInMap", Intrinsics._find_in_map),
        ("Fn::Equals", lambda self, args: _text(self.resolve(args[0])) == _text(self.resolve(args[1]))),
        ("Fn::And", lambda self, args: all(self._all(args))),
        ("Fn::Or", lambda self, args: any(self._all(args))),
        ("Fn::Not", lambda self, args: not self._all(args)[0]),
        ("Fn::Base64", lambda self, text: base64.b64encode(_text(self.resolve(text)).encode()).decode()),
        ("Fn::Length", lambda self, items: len(self._list(items, "Fn::Length"))),
        ("Fn::ToJsonString", lambda self, value: json.dumps(self.resolve(value))),
    )
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, dict) or value is NOTHING:
        raise Unreadable(f"text was expected, not {'nothing' if value is NOTHING else 'a mapping'}")
    return str(value)


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
