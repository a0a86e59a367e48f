"""XML documents from strangers, read with expat: no doctype, no entities, no great depth or number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from edgesim.api.faults import fault

DEEPEST = 40
"""Levels of elements; the deepest document of the API has about ten."""

MOST = 20_000
"""Elements; an invalidation of 3,000 paths, the longest document of the API, has a little over 3,000."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Element:
    """An element. ``name`` is without its namespace, ``text`` what stands in it directly."""

    name: str
    namespace: str
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def is_empty(self) -> bool:
        """Neither text nor elements in it."""
        return not self.children and not self.text


def parse(document: bytes) -> Element:
    """The root element; raises ControlError MalformedXML."""
    reader = _Reader()
    try:
        return reader.read(document)
    except expat.ExpatError as error:
        words = expat.errors.messages.get(error.code, "it is not well-formed")
        raise malformed(f"{words} (line {error.lineno}, column {error.offset + 1})") from None


def malformed(why: str) -> Exception:
    """The error for a document that is not XML, or not this XML."""
    return fault("MalformedXML", f"The XML document is malformed: {why}")


class _Reader:
    def __init__(self) -> None:
        self._open: list[Element] = []
        self._text: list[list[str]] = []
        self._root: Element | None = None
        self._count = 0
        self._parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data

    def read(self, document: bytes) -> Element:
        self._parser.Parse(document, True)
        assert self._root is not None  # expat refuses a document without one
        return self._root

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise malformed("its encoding must be UTF-8")

    def _doctype(self, *_: object) -> NoReturn:
        raise malformed("a document type declaration is not allowed")

    def _start(self, name: str, _: Mapping[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise malformed(f"it is nested more than {DEEPEST} levels deep")
        self._count += 1
        if self._count > MOST:
            raise malformed(f"it has more than {MOST} elements")
        namespace, _space, local = name.rpartition(" ")
        element = Element(local, namespace)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._text.append([])

    def _end(self, _: str) -> None:
        self._open.pop().text = "".join(self._text.pop())

    def _data(self, text: str) -> None:
        self._text[-1].append(text)


def element(name: str, content: str, namespace: str = "") -> str:
    """An element around what is already XML."""
    opening = f'{name} xmlns="{namespace}"' if namespace else name
    return f"<{opening}>{content}</{name}>"


def text(value: str) -> str:
    """A text as XML; characters that XML has not become U+FFFD, and a carriage return stays one."""
    return escape(_UNPRINTABLE.sub("\ufffd", value), {"\r": "&#13;"})


def document(root: str) -> bytes:
    """A whole document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()
