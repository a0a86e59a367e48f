"""Names in certificates: their one spelling, and whether a set of them covers a host.

Source: CloudFront guide, cnames-and-https-requirements (spec §7.4, §7.5); RFC 9525 §6.3.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from edgesim.errors import EdgesimError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_NAME = 253


class CertificateError(EdgesimError):
    """A certificate, key, name or TLS setting that cannot be used; the message says what was expected and found."""


def address(name: str) -> Address | None:
    """The IP address ``name`` spells (brackets allowed), or None for anything else."""
    if ":" not in name and not name[-1:].isdigit():
        return None  # cheap: most names are not addresses, and ip_address() raises for every one of them
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def canonical(name: str) -> str:
    """``name`` as certificates are compared by: lower case, ASCII (A-labels), no trailing dot; addresses in short form.

    Raises CertificateError for what is neither a host name, a wildcard (``*.`` and a name) nor an IP literal.
    """
    if (ip := address(name)) is not None:
        return str(ip)
    plain = _plain(name)
    labels = plain.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    if len(plain) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise CertificateError(f"{name!r} is not a host name, a wildcard such as *.example.com, or an IP address")
    return plain


def covers(names: Iterable[str], host: str) -> bool:
    """True when a certificate for ``names`` is good for ``host``.

    A wildcard stands for exactly one label: ``*.example.com`` covers ``a.example.com``, neither ``example.com`` nor
    ``a.b.example.com``, and never an address. A wildcard ``host`` (an alternate domain name) is covered by itself only.
    """
    if (ip := address(host)) is not None:
        return any(address(name) == ip for name in names)
    wanted = _plain(host)
    accepted = {wanted, wildcard_for(wanted)} - {""}
    return any(_plain(name) in accepted for name in names)


def wildcard_for(host: str) -> str:
    """The one wildcard name that covers the (canonical) ``host``, or "" when there is none."""
    label, _, parent = host.partition(".")
    return f"*.{parent}" if label and parent and address(host) is None else ""


def _plain(name: str) -> str:
    """Lower-case A-labels without the trailing dot; what IDNA refuses stays as it is, and so matches nothing."""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return name
    return name.lower().removesuffix(".")
