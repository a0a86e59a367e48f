"""``edgesim sign``: a signed URL or signed cookies, as an application hands them to its viewers."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from edgesim.cli.arguments import Commands, parser_for, wrong
from edgesim.cli.client import DEFAULT_STATE, VARIABLE, NoWorld, add_flags, find
from edgesim.cli.printing import say, say_json
from edgesim.core.messages import Field
from edgesim.core.signed import RESERVED
from edgesim.core.signed_keys import HASHES, PrivateKey, private_key
from edgesim.core.signed_policy import LATEST, MalformedPolicy
from edgesim.core.signing import canned, compact, cookie_value, custom, resource_policy, signed_url
from edgesim.observe.clock import system_time
from edgesim.world.units import UnitError, parse_duration


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Sign a URL for behaviours with trusted_key_groups, or print cookies that do the same. Without --policy and "
        "--resource the signature is for exactly this URL. Times count from the simulated clock of the running world, "
        "without one from the machine's.",
        "  openssl genrsa -out private.pem 2048     or: openssl ecparam -name prime256v1 -genkey -noout -out ...\n"
        "  openssl pkey -in private.pem -pubout -out public.pem\n"
        "  (in the world file)  public_keys: {viewers: {file: public.pem, id: K2JCJMDEHXQW5F}}\n"
        "                       key_groups: {viewers: [viewers]}\n"
        "                       and in a behaviour:  trusted_key_groups: [viewers]\n"
        "  edgesim sign http://127.0.0.1:8080/film.mp4 --key private.pem --key-id K2JCJMDEHXQW5F\n"
        "  edgesim sign URL --key private.pem --key-id K2JCJMDEHXQW5F --expires '10 min' --resource 'http*://*/films/*'\n"
        '  curl -b "$(edgesim sign URL --key private.pem --key-id K2JCJMDEHXQW5F --policy policy.json --cookies)" URL',
    )
    parser.add_argument("url", metavar="URL", help="as viewers will ask for it: http or https, host, port, path")
    parser.add_argument("--key", metavar="FILE", required=True, help="the private key: RSA 2,048 or ECDSA prime256v1")
    parser.add_argument("--key-id", metavar="ID", required=True, help="the id of its public key: K and 13 characters")
    parser.add_argument("--expires", metavar="TIME", help="how long it holds: 90, '10 min', 1h30m (default: 1h)")
    parser.add_argument("--resource", metavar="URLS", help="sign a custom policy for these URLs, * and ? are wildcards")
    parser.add_argument("--policy", metavar="FILE", help="sign this custom policy (JSON)")
    parser.add_argument("--cookies", action="store_true", help="print cookies and not a URL")
    parser.add_argument("--hash", choices=HASHES, default=HASHES[0], help="what is signed is this digest")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Sign."""
    if options.policy and (options.expires or options.resource):
        raise wrong("sign", "--policy says itself until when and for what: leave out --expires and --resource")
    options.url = options.url.removesuffix("?")
    _check(options.url)
    parts = _parts(options, _key(options.key))
    if options.json:
        named = {f"CloudFront-{name}": value for name, value in parts}
        say_json({"url": signed_url(options.url, parts), "cookies": named})
    else:
        say(cookie_value(parts) if options.cookies else signed_url(options.url, parts))
    return 0


def _check(url: str) -> None:
    scheme, colon, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    if scheme not in ("http", "https") or not colon or not host or not slash:
        raise wrong("sign", f"{url!r} is no URL with a path: write http://127.0.0.1:8080/film.mp4")
    if "#" in url or not url.isascii() or any(char <= " " for char in url):
        raise wrong(
            "sign", "the URL has a fragment, a space or a letter beyond ASCII: write it as it is sent, with %20"
        )
    taken = [piece.partition("=")[0] for piece in target.partition("?")[2].split("&")]
    if reserved := [name for name in taken if name in RESERVED]:
        raise wrong("sign", f"the URL has {reserved[0]} already, which is the signature's own")


def _key(name: str) -> PrivateKey:
    try:
        return private_key(Path(name).read_bytes())
    except OSError as error:
        raise wrong("sign", f"{name}: {error.strerror}") from None
    except ValueError as error:
        raise wrong("sign", f"{name} is {error}") from None


def _parts(options: argparse.Namespace, key: PrivateKey) -> list[Field]:
    if options.policy:
        try:
            return custom(key, options.key_id, compact(Path(options.policy).read_text("utf-8")), options.hash)
        except OSError as error:
            raise wrong("sign", f"{options.policy}: {error.strerror}") from None
        except MalformedPolicy as error:
            raise wrong("sign", f"{options.policy}: {error}") from None
        except UnicodeDecodeError:
            raise wrong("sign", f"{options.policy}: not UTF-8") from None
    until = _until(options)
    if options.resource:
        return custom(key, options.key_id, resource_policy(options.resource, until), options.hash)
    return canned(key, options.key_id, options.url, until, options.hash)


def _until(options: argparse.Namespace) -> int:
    """Seconds since the epoch."""
    try:
        lasts = parse_duration(options.expires or "1h")
    except UnitError as error:
        raise wrong("sign", f"--expires: {error}") from None
    until = int(_now(options) + lasts)
    if not 0 <= until <= LATEST:
        raise wrong("sign", "--expires is too long")
    return until


def _now(options: argparse.Namespace) -> float:
    """The simulated clock of the world the options mean; the machine's where none is meant and none is here."""
    meant = options.control or options.state is not None or os.environ.get(VARIABLE)
    try:
        return float(find(options).get("clock")["now"])
    except NoWorld:
        if meant:
            raise
    print(f"edgesim: no world runs in {DEFAULT_STATE}: the time counts from the machine's clock", file=sys.stderr)
    return system_time()
