"""The site of an app node, shaped like WordPress: from a request to a document."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, unquote

from origin import pages, theme
from origin.document import Document, Fields, Octets, strong_etag
from origin.pictures import ico, media_library
from origin.posts import PAGES, POSTS, Comments

ASSETS_DATED = 1_767_225_600  # the first of January 2026: themes and uploads
SHARED = ("Cache-Control", "public, max-age=300")
PERSONAL = ("Cache-Control", "private, no-cache")
NEVER = ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")
HTML = ("Content-Type", "text/html; charset=UTF-8")
COOKIE_TAIL = hashlib.md5(b"harbour", usedforsecurity=False).hexdigest()  # WordPress hashes the site's address
LOGGED_IN = "wordpress_logged_in_"
WRITING = frozenset({"/wp-comments-post.php", "/wp-login.php"})


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as the site sees it; ``query`` is undecoded, ``form`` is the body of a POST (at most 1 MiB)."""

    method: str
    path: str
    query: str
    cookie: str = ""
    form: bytes = b""

    def asked(self, name: str) -> str:
        return parse_qs(self.query, keep_blank_values=True).get(name, [""])[0]

    @property
    def visitor(self) -> str | None:
        """The name in a ``wordpress_logged_in_…`` cookie, if there is one. It is a toy: nothing is signed."""
        try:
            cookies = SimpleCookie(self.cookie)
        except CookieError:
            return None
        found = (morsel.value for name, morsel in cookies.items() if name.startswith(LOGGED_IN))
        value = next(found, "")
        return unquote(value).split("|")[0] or None


class Site:
    """The content of every node; only comments change it."""

    def __init__(self, comments: Comments, host_name: str) -> None:
        self._comments = comments
        self._files = _files(host_name)
        self._posts = {post.path: post for post in (*POSTS, *PAGES)}
        self._by_number = {str(post.number): post for post in self._posts.values()}

    def answer(self, visit: Visit) -> Document:
        """The document for a visit, before conditions and ranges."""
        if visit.method == "POST" and visit.path in WRITING:
            return self._comment(visit) if visit.path == "/wp-comments-post.php" else _log_in(visit)
        if visit.method not in {"GET", "HEAD"}:
            allowed = "GET, HEAD, POST" if visit.path in WRITING else "GET, HEAD"
            status = 204 if visit.method == "OPTIONS" else 405
            return _html(status, b"" if status == 204 else pages.refusal("Method not allowed"), ("Allow", allowed))
        if visit.path == "/wp-login.php":
            return _login_form(visit)
        if visit.path in {"/wp-admin", "/wp-comments-post.php"} or visit.path.startswith("/wp-admin/"):
            return _administration(visit)
        return self._read(visit)

    def _read(self, visit: Visit) -> Document:
        if (found := self._files.get(visit.path)) is not None:
            return found
        visitor = visit.visitor
        if visit.path == "/":
            return self._front(visit, visitor)
        if (post := self._posts.get(visit.path)) is not None:
            comments = self._comments.under(post)
            changed = max([post.dated, *(comment.written for comment in comments)])
            return _page(pages.single(post, comments, visitor), changed, visitor)
        if visit.path + "/" in self._posts or visit.path == "/feed":
            return redirect(301, visit.path + "/" + (f"?{visit.query}" if visit.query else ""), SHARED)
        return _html(404, pages.not_found(visitor), SHARED if visitor is None else PERSONAL)

    def _front(self, visit: Visit, visitor: str | None) -> Document:
        if (post := self._by_number.get(visit.asked("p"))) is not None:
            return redirect(301, post.path, SHARED)
        if "s" in parse_qs(visit.query, keep_blank_values=True):
            return _page(pages.search(visit.asked("s"), visitor), POSTS[0].dated, visitor)
        return _page(pages.home(visitor), POSTS[0].dated, visitor)

    def _comment(self, visit: Visit) -> Document:
        form = _form(visit)
        post = self._by_number.get(form.get("comment_post_ID", ""))
        author, text = form.get("author", "").strip(), form.get("comment", "").strip()
        if post is None or post not in POSTS:
            return _html(404, pages.refusal("Comments are closed here."), NEVER)
        if not author or not text:
            return _html(400, pages.refusal("Please fill the required fields (name, comment)."), NEVER)
        comment = self._comments.add(post, author[:100], text)
        cookies = tuple(
            (
                "Set-Cookie",
                f"comment_author_{kind}{COOKIE_TAIL}={quote(form.get(name, '')[:100])}; Path=/; Max-Age=2592000",
            )
            for kind, name in (("", "author"), ("email_", "email"))
        )
        return redirect(302, f"{post.path}#comment-{comment.number}", NEVER, *cookies)


def _files(host_name: str) -> dict[str, Document]:
    """Everything that is the same for every visitor, by path."""
    day, year = ("Cache-Control", "public, max-age=86400"), ("Cache-Control", "public, max-age=31536000")
    themed = "/wp-content/themes/harbour/"
    files = {
        themed + "style.css": _file("text/css; charset=UTF-8", theme.STYLE, year),
        themed + "app.js": _file("text/javascript; charset=UTF-8", theme.SCRIPT, year),
        themed + "screenshot.png": _file("image/png", media_library()["lighthouse.png"][1], year),
        "/favicon.ico": _file("image/x-icon", ico(), day),
        "/robots.txt": _file("text/plain; charset=UTF-8", theme.ROBOTS, day),
        "/feed/": _file("application/rss+xml; charset=UTF-8", pages.feed(f"https://{host_name}"), SHARED),
    }
    for name, (kind, data) in media_library().items():
        files["/wp-content/uploads/" + name] = _file(kind, data, day)
    return files


def _file(kind: str, data: bytes, caching: tuple[str, str]) -> Document:
    return Document(Octets(data), (("Content-Type", kind), caching), 200, strong_etag(data), ASSETS_DATED, ranges=True)


def _page(html: bytes, changed: int, visitor: str | None) -> Document:
    if visitor is not None:  # no date: a copy of the anonymous page must not validate as this one
        return Document(Octets(html), (HTML, PERSONAL), 200, strong_etag(html))
    return Document(Octets(html), (HTML, SHARED), 200, strong_etag(html), changed)


def _html(status: int, html: bytes, *fields: tuple[str, str]) -> Document:
    return Document(Octets(html), (HTML, *fields), status)


def redirect(status: int, location: str, *fields: tuple[str, str]) -> Document:
    """A redirection to a path of this site, so that it holds behind any host name."""
    found: Fields = (HTML, ("Location", location), *fields)
    return Document(Octets(b""), found, status)


def _form(visit: Visit) -> dict[str, str]:
    fields = parse_qs(visit.form.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _login_form(visit: Visit) -> Document:
    if visit.asked("action") == "logout":
        gone = ("Set-Cookie", f"{LOGGED_IN}{COOKIE_TAIL}=; Path=/; Max-Age=0; HttpOnly")
        return redirect(302, "/wp-login.php?loggedout=true", NEVER, gone)
    test = ("Set-Cookie", "wordpress_test_cookie=WP%20Cookie%20check; Path=/; HttpOnly")
    return _html(200, pages.login("", visit.asked("redirect_to")), NEVER, test)


def _log_in(visit: Visit) -> Document:
    """Any user name is let in with the password ``admin``, so that a test has as many visitors as it likes."""
    form = _form(visit)
    name, target = form.get("log", "").strip(), form.get("redirect_to", "")
    if not name or form.get("pwd") != "admin":
        return _html(200, pages.login("The username or the password is wrong.", target), NEVER)
    value = quote(name.replace("|", " ")[:60], safe="") + "%7Charbour"
    cookie = ("Set-Cookie", f"{LOGGED_IN}{COOKIE_TAIL}={value}; Path=/; HttpOnly")
    return redirect(302, target if _is_local(target) else "/wp-admin/", NEVER, cookie)


def _is_local(target: str) -> bool:
    return target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()


def _administration(visit: Visit) -> Document:
    if visit.path == "/wp-comments-post.php":
        return _html(405, pages.refusal("Comments are sent by POST."), ("Allow", "POST"), NEVER)
    visitor = visit.visitor
    if visitor is None:
        return redirect(302, "/wp-login.php?redirect_to=" + quote(visit.path, safe=""), NEVER)
    return _html(200, pages.dashboard(visitor, visit.path), NEVER)
