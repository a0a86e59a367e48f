"""The HTTP/1.x head grammar: bytes of one complete head in, a checked head out.

One strict pattern decides for requests, so that nothing this edge forwards can be read differently by what is behind
it; only a head that does not match is looked at again, to say why. Responses get the two repairs RFC 9112 asks of a
proxy (folded lines, blanks before a colon) and no others.

Text is UTF-8 with surrogate escapes: ``encode("utf-8", "surrogateescape")`` gives the bytes that came.
Source: RFC 9112 §2–§6, RFC 9110 §5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, istr

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]"
_FIELDS: Final = rb"((?:" + _TOKEN + rb"++:" + _VALUE + rb"*+\r\n)*+)"
_REQUEST_LINE: Final = rb"(" + _TOKEN + rb"++) ([\x21-\x7e\x80-\xff]++) HTTP/1\.([01])\r\n"

_REQUEST: Final = re.compile(_REQUEST_LINE + _FIELDS + rb"\r\n")
_LINE: Final = re.compile(_REQUEST_LINE)
_OTHER_VERSION: Final = re.compile(_TOKEN + rb"++ [\x21-\x7e\x80-\xff]++ HTTP/\d\.\d\r\n")
_RESPONSE: Final = re.compile(rb"HTTP/1\.(\d) ([1-9]\d\d)(?: (" + _VALUE + rb"*+))?\r\n" + _FIELDS + rb"\r\n")
_TOKEN_ONLY: Final = re.compile(_TOKEN + rb"++")
_FIELD_LINES: Final = re.compile(_FIELDS)
_FOLD: Final = re.compile(rb"[ \t]*\r\n[ \t]+")
_BLANK_BEFORE_COLON: Final = re.compile(rb"(?<=\n)(" + _TOKEN + rb"++)[ \t]++:")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_HOST: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*")

HOST: Final = istr("Host")
CONTENT_LENGTH: Final = istr("Content-Length")
TRANSFER_ENCODING: Final = istr("Transfer-Encoding")
CONNECTION: Final = istr("Connection")
EXPECT: Final = istr("Expect")

_TLS_HANDSHAKE: Final = 0x16  # a TLS record's first byte (RFC 8446 §5.1)
_NAMES_KEPT: Final = 1024
_NAME_KEPT_LENGTH: Final = 64
_names: dict[str, istr] = {}

Headers = CIMultiDictProxy[str]


class Malformation(Enum):
    """Why a viewer's bytes are not a request this edge takes; ``status`` is the answer it gets."""

    REQUEST_LINE = (400, "the request line is not `METHOD target HTTP/1.x`")
    TARGET = (400, "the request target is neither a path, nor an http(s) URL, nor `*` of OPTIONS")
    VERSION = (505, "the protocol version is not HTTP/1.0 or HTTP/1.1")
    URL_TOO_LONG = (414, "the URL is longer than the limit")
    HEAD_TOO_BIG = (494, "request line and headers are larger than the limit")
    BARE_LF = (400, "a line ends with LF without CR")
    OBS_FOLD = (400, "a header line is folded")
    FIELD_NAME = (400, "a header line has no name, or one that is not a token")
    SPACE_BEFORE_COLON = (400, "a header name is followed by a blank")
    FIELD_VALUE = (400, "a header value holds a control character")
    NO_HOST = (400, "an HTTP/1.1 request without Host")
    HOST_REPEATED = (400, "more than one Host")
    HOST_INVALID = (400, "Host is not a host name with an optional port")
    LENGTH_INVALID = (400, "Content-Length is not a number")
    LENGTH_REPEATED = (400, "more than one Content-Length")
    LENGTH_AND_CODING = (400, "both Content-Length and Transfer-Encoding")
    CODING_INVALID = (400, "Transfer-Encoding is repeated, does not end in chunked, or came with HTTP/1.0")
    CODING_UNKNOWN = (501, "a transfer coding other than chunked")
    CHUNKING = (400, "the chunked body is malformed")
    CONNECT = (405, "CONNECT: this is no tunnel")
    TLS_ON_PLAIN = (400, "a TLS handshake on a plain HTTP port")
    TOO_MANY_CONNECTIONS = (503, "more connections than this listener takes")

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The reason, for people."""
        return self.value[1]


class Malformed(Exception):
    """A request head that is refused. ``detail`` is the part that is wrong, shortened."""

    def __init__(self, why: Malformation, detail: str = "") -> None:
        super().__init__(f"{why.text}: {detail}" if detail else why.text)
        self.why = why
        self.detail = detail


class InvalidResponseHead(Exception):
    """An origin's bytes that are no HTTP/1.x response head."""


@dataclass(slots=True)
class RequestHead:
    """One accepted request head. ``length`` is the body's size in bytes, 0 for none, -1 for chunked."""

    method: str
    target: str
    version: tuple[int, int]
    headers: Headers
    length: int
    keep_alive: bool
    expects_continue: bool


@dataclass(slots=True)
class ResponseHead:
    """One accepted response head, its framing not yet judged."""

    version: tuple[int, int]
    status: int
    reason: str
    headers: Headers


_VERSIONS: Final = ((1, 0), (1, 1))


def parse_request(head: bytes, url_bytes: int, head_bytes: int) -> RequestHead:
    """Read one complete request head, blank line included.

    Raises:
        Malformed: it is not one this edge takes.
    """
    if len(head) > head_bytes:
        raise _too_big(head, url_bytes, head_bytes)
    match = _REQUEST.fullmatch(head)
    if match is None:
        raise _diagnose(head)
    raw_method, raw_target, minor, lines = match.groups()
    if len(raw_target) > url_bytes:
        raise Malformed(Malformation.URL_TOO_LONG, f"{len(raw_target)} bytes")
    method = raw_method.decode("ascii")
    target = raw_target.decode("utf-8", "surrogateescape")
    if target[0] != "/" or method == "CONNECT":
        _check_target(method, target)
    version = _VERSIONS[minor == b"1"]
    headers = _fields(lines)
    _check_host(version, headers)
    length = request_length(version, headers)
    expects = length != 0 and version == (1, 1) and EXPECT in headers and headers[EXPECT].lower() == "100-continue"
    return RequestHead(method, target, version, headers, length, keeps_alive(version, headers), expects)


def partial_fault(start: bytes, url_bytes: int, head_bytes: int, *, scanned: int = 0) -> Malformed | None:
    """What is already wrong with the first bytes of a head whose end has not come yet; None while it may be good."""
    if start[0] == _TLS_HANDSHAKE:
        return Malformed(Malformation.TLS_ON_PLAIN)
    if len(start) > head_bytes:
        return _too_big(start, url_bytes, head_bytes)
    if _BARE_LF.search(start, scanned):
        return Malformed(Malformation.BARE_LF)
    if start.find(b"\r\n") >= 0:
        return _line_fault(start, url_bytes)
    if _TOKEN_ONLY.match(start) is None:
        return Malformed(Malformation.REQUEST_LINE, _excerpt(start))
    return _url_fault(start, url_bytes)


def parse_response(head: bytes) -> ResponseHead:
    """Read one complete response head, blank line included.

    Raises:
        InvalidResponseHead: it is not HTTP/1.x, beyond the repairs RFC 9112 §5.1 and §5.2 ask of a proxy.
    """
    match = _RESPONSE.fullmatch(head)
    if match is None:
        match = _RESPONSE.fullmatch(_BLANK_BEFORE_COLON.sub(rb"\1:", _FOLD.sub(b" ", head[:-4]) + b"\r\n\r\n"))
        if match is None:
            raise InvalidResponseHead(_excerpt(head))
    minor, status, reason, lines = match.groups()
    return ResponseHead(
        (1, int(minor)), int(status), (reason or b"").decode("utf-8", "surrogateescape").strip(), _fields(lines)
    )


def response_fault(start: bytes) -> str | None:
    """What is already wrong with the first bytes of a response head; None while it may be good."""
    if not start.startswith(b"HTTP/1."[: len(start)]):
        return f"not an HTTP/1.x status line: {_excerpt(start)}"
    if _BARE_LF.search(start):
        return "a line ends with LF without CR"
    return None


def request_length(version: tuple[int, int], headers: Headers) -> int:
    """The request body's size in bytes, -1 for chunked (RFC 9112 §6.3, refusing all that is ambiguous)."""
    coding = headers.getall(TRANSFER_ENCODING, None)
    lengths = headers.getall(CONTENT_LENGTH, None)
    if coding is not None:
        if lengths is not None:
            raise Malformed(Malformation.LENGTH_AND_CODING)
        return _chunked(version, coding)
    if lengths is None:
        return 0
    if len(lengths) > 1 or "," in lengths[0]:
        raise Malformed(Malformation.LENGTH_REPEATED, ", ".join(lengths)[:80])
    if (length := decimal(lengths[0])) is None:
        raise Malformed(Malformation.LENGTH_INVALID, lengths[0][:80])
    return length


def decimal(text: str) -> int | None:
    """The number, when ``text`` is 1 to 18 ASCII digits and nothing else."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None


def keeps_alive(version: tuple[int, int], headers: Headers) -> bool:
    """Whether the sender lets the connection live on after this message (RFC 9112 §9.3)."""
    lines = headers.getall(CONNECTION, None)
    if lines is None:
        return version >= (1, 1)
    options = {option.strip().lower() for line in lines for option in line.split(",")}
    if "close" in options:
        return False
    return version >= (1, 1) or "keep-alive" in options


def _fields(lines: bytes) -> Headers:
    pairs = []
    if lines:
        for line in lines[:-2].decode("utf-8", "surrogateescape").split("\r\n"):
            name, _, value = line.partition(":")
            pairs.append((_names.get(name) or _interned(name), value.strip(" \t")))
    return CIMultiDictProxy(CIMultiDict(pairs))


def _interned(name: str) -> str:
    """The name as the multidict's own string kind, kept for next time; bounded against a sender of many names."""
    if len(name) > _NAME_KEPT_LENGTH:
        return name
    if len(_names) >= _NAMES_KEPT:
        _names.clear()
    return _names.setdefault(name, istr(name))


def _check_host(version: tuple[int, int], headers: Headers) -> None:
    hosts = headers.getall(HOST, None)
    if hosts is None:
        if version == (1, 1):
            raise Malformed(Malformation.NO_HOST)
    elif len(hosts) > 1:
        raise Malformed(Malformation.HOST_REPEATED, ", ".join(hosts)[:80])
    elif _HOST.fullmatch(hosts[0]) is None:
        raise Malformed(Malformation.HOST_INVALID, _excerpt(hosts[0].encode("utf-8", "surrogateescape")))


def _check_target(method: str, target: str) -> None:
    if method == "CONNECT":
        raise Malformed(Malformation.CONNECT, target[:80])
    if target == "*" and method == "OPTIONS":
        return
    if not target.lower().startswith(("http://", "https://")):
        raise Malformed(Malformation.TARGET, _excerpt(target.encode("utf-8", "surrogateescape")))


def _chunked(version: tuple[int, int], lines: list[str]) -> int:
    codings = [coding.strip().lower() for line in lines for coding in line.split(",")]
    if version == (1, 0) or codings.count("chunked") > 1:
        raise Malformed(Malformation.CODING_INVALID, ", ".join(codings)[:80])
    if codings != ["chunked"]:
        misplaced = "chunked" in codings and codings[-1] != "chunked"
        why = Malformation.CODING_INVALID if misplaced else Malformation.CODING_UNKNOWN
        raise Malformed(why, ", ".join(codings)[:80])
    return -1


def _too_big(start: bytes, url_bytes: int, head_bytes: int) -> Malformed:
    return _url_fault(start, url_bytes) or Malformed(Malformation.HEAD_TOO_BIG, f"over {head_bytes} bytes")


def _url_fault(start: bytes, url_bytes: int) -> Malformed | None:
    """The 414 of a request line that may be unfinished; a line that never comes to its target counts as one."""
    line_end = start.find(b"\r\n")
    line = start if line_end < 0 else start[:line_end]
    blank = line.find(b" ")
    end = line.find(b" ", blank + 1) if blank >= 0 else -1
    size = (len(line) if end < 0 else end) - blank - 1
    return Malformed(Malformation.URL_TOO_LONG, f"over {url_bytes} bytes") if size > url_bytes else None


def _line_fault(start: bytes, url_bytes: int) -> Malformed | None:
    if fault := _url_fault(start, url_bytes):
        return fault
    if _LINE.match(start):
        return None
    why = Malformation.VERSION if _OTHER_VERSION.match(start) else Malformation.REQUEST_LINE
    return Malformed(why, _excerpt(start))


def _diagnose(head: bytes) -> Malformed:
    """Name what is wrong with a complete head that the pattern refused."""
    if head[0] == _TLS_HANDSHAKE:
        return Malformed(Malformation.TLS_ON_PLAIN)
    if _BARE_LF.search(head):
        return Malformed(Malformation.BARE_LF)
    if fault := _line_fault(head, len(head)):
        return fault
    for line in head[:-4].split(b"\r\n")[1:]:
        if _FIELD_LINES.fullmatch(line + b"\r\n"):
            continue
        name, colon, _ = line.partition(b":")
        if line.startswith((b" ", b"\t")):
            why = Malformation.OBS_FOLD
        elif colon and _TOKEN_ONLY.fullmatch(name.rstrip(b" \t")):
            why = Malformation.FIELD_VALUE if name == name.rstrip(b" \t") else Malformation.SPACE_BEFORE_COLON
        else:
            why = Malformation.FIELD_NAME
        return Malformed(why, _excerpt(line))
    return Malformed(Malformation.REQUEST_LINE, _excerpt(head))  # pragma: no cover - the pattern is these parts


def _excerpt(data: bytes) -> str:
    """The first line, shortened and printable."""
    return data[:80].partition(b"\r\n")[0].decode("latin-1").encode("unicode_escape").decode("ascii")
