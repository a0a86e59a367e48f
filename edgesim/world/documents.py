"""Reading a YAML document with the line of every key, duplicate keys refused and ``${NAME}`` filled in.

Plain scalars follow YAML 1.2's core schema: ``no`` is a country, not a boolean, and a date stays text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from edgesim.errors import ConfigError
from edgesim.world.fields import show

Step = str | int
Steps = tuple[Step, ...]

LARGEST = 5_000_000  # bytes of a world file
MOST_NODES = 200_000  # after aliases are followed: nine lines of aliases can stand for a billion nodes

_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


def spell(steps: Steps) -> str:
    """A path as messages write it: ``distributions[0].behaviors[2].ttl``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


@dataclass
class Document:
    """What was read: the data, the line of each path, and the mistakes found on the way."""

    file: str
    data: JsonValue = None
    lines: dict[Steps, int] = field(default_factory=dict)
    mistakes: list[ConfigError] = field(default_factory=list)

    def line(self, steps: Steps) -> int:
        """The line of a path, or of the nearest thing around it; 0 when the file has none."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 0)

    def mistake(self, steps: Steps, found: str, expected: str, hint: str = "", line: int = 0) -> ConfigError:
        """A mistake at a path of this document."""
        return ConfigError(self.file, spell(steps), found, expected, hint, line or self.line(steps))


def read_document(path: Path, env: Mapping[str, str]) -> Document:
    """Read a file. What cannot be read at all is a mistake at the top level, with data None."""
    document = Document(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        document.mistakes.append(document.mistake((), error.strerror or "an unreadable file", "a world file"))
        return document
    if len(raw) > LARGEST:
        document.mistakes.append(document.mistake((), f"more than {LARGEST} bytes", "a smaller world file"))
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document.mistakes.append(document.mistake((), f"a byte that is not UTF-8 at {error.start}", "UTF-8 text"))
        return document
    return parse_document(text, env, document.file)


def parse_document(text: str, env: Mapping[str, str], file: str = "<text>") -> Document:
    """Read a text as ``read_document`` reads a file."""
    document = Document(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document.data = _Builder(document, env).build(node, ()) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        document.mistakes.append(document.mistake((), error.problem or "broken YAML", "YAML", line=line))
    except yaml.YAMLError as error:
        document.mistakes.append(document.mistake((), str(error).splitlines()[0], "YAML"))
    except RecursionError:
        document.mistakes.append(document.mistake((), "very deep nesting", "a flatter file"))
    except _TooBig:
        expected = f"at most {MOST_NODES} values, counting what aliases repeat, and no alias to itself"
        document.mistakes.append(document.mistake((), "more", expected))
        document.data = None
    return document


class _TooBig(Exception):
    """The document grows beyond its bound."""


class _Builder:
    """Turns composed nodes into plain data, noting lines and mistakes."""

    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self.document = document
        self.env = env
        self.nodes = 0
        self.inside: set[int] = set()

    def build(self, node: yaml.Node, steps: Steps) -> JsonValue:
        self.nodes += 1
        if self.nodes > MOST_NODES or id(node) in self.inside:
            raise _TooBig
        self.document.lines.setdefault(steps, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, steps)
        self.inside.add(id(node))
        value: JsonValue
        if isinstance(node, yaml.SequenceNode):
            value = [self.build(item, (*steps, index)) for index, item in enumerate(node.value)]
        else:
            value = self._mapping(node, steps)
        self.inside.remove(id(node))
        return value

    def _mapping(self, node: yaml.Node, steps: Steps) -> JsonValue:
        mapping: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(steps, "a list or mapping as a key", "a name", line=line)
                continue
            key = str(key_node.value)
            here = (*steps, key)
            if key in mapping:
                self._note(here, f"{show(key)} again", "each key once", f"It is on line {self._line(here)} too", line)
                continue
            self.document.lines[here] = line
            mapping[key] = self.build(value_node, here)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, steps: Steps) -> JsonValue:
        text = self._filled_in(str(node.value), steps, node.start_mark.line + 1)
        return plain_value(text) if node.style is None else text

    def _filled_in(self, text: str, steps: Steps, line: int) -> str:
        """``${NAME}``, ``${NAME:-default}``; ``$$`` is a dollar before a brace."""

        def value(found: re.Match[str]) -> str:
            name, default = found[1], found[2]
            if name is None:
                return "$" if text.startswith("{", found.end()) else "$$"
            known = self.env.get(name, "")
            if not known and default is None and name not in self.env:
                expected = f"the environment to have {name}"
                self._note(steps, f"${{{name}}}", expected, f"Set it, or write ${{{name}:-default}}", line)
            return known or default or ""

        return _VARIABLE.sub(value, text) if "$" in text else text

    def _line(self, steps: Steps) -> int:
        return self.document.line(steps)

    def _note(self, steps: Steps, found: str, expected: str, hint: str = "", line: int = 0) -> None:
        self.document.mistakes.append(self.document.mistake(steps, found, expected, hint, line))


def plain_value(text: str) -> JsonValue:
    """What a scalar without quotes stands for (YAML 1.2, core schema, without infinities)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= 100:
        return int(text, 0) if text.startswith("0x") or text.startswith("0o") else int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if abs(value) != float("inf") else text
    return text
