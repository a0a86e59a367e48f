"""Errors that say whose fault it was.

``ClientError`` (4xx) and ``OriginError`` (5xx) end as responses; ``ConfigError`` and ``ControlError`` end as messages
for the person or program that asked.
"""

from __future__ import annotations


class EdgesimError(Exception):
    """Base of every error this project raises on purpose."""


class ClientError(EdgesimError):
    """The viewer's request cannot be served as sent. ``status`` is a 4xx."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class OriginError(EdgesimError):
    """The origin failed. ``status`` is a 5xx."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ConfigError(EdgesimError):
    """One mistake in a configuration.

    ``file`` and ``path`` say where (``distributions[0].behaviors[2].ttl.default``), ``found`` and ``expected`` what,
    ``hint`` what to do about it; ``line`` is 1-based, 0 when unknown.
    """

    def __init__(self, file: str, path: str, found: str, expected: str, hint: str = "", line: int = 0) -> None:
        place = f"{file}:{line}" if line else file
        text = f"{place}: {path or '(top level)'}: found {found}; expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)
        self.file = file
        self.path = path
        self.found = found
        self.expected = expected
        self.hint = hint
        self.line = line


class ControlError(EdgesimError):
    """A control request that cannot be honoured: the API's own error ``code`` and HTTP ``status``."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
