"""The site: pages, files, conditions, comments and the visitors who log in."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import pytest

from origin import pictures
from origin.document import PIECE, Pattern
from origin.running import Settings

POST = "/2026/02/20/stones-of-the-old-quay/"
UPLOAD = "/wp-content/uploads/harbour.jpg"


@pytest.mark.parametrize("path", ["/", POST, "/about/", "/contact/", "/tide-table/", "/?s=goats"])
async def test_anonymous_pages_may_be_shared(visitor, path):
    answer = await visitor.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Server"] == "harbour"
    assert answer.headers["X-Served-By"] in {"site-a", "site-b"}
    assert "Date" in answer.headers
    assert "Content-Encoding" not in answer.headers
    again = await visitor.get(path)
    assert again.headers["X-Served-By"] != answer.headers["X-Served-By"]
    assert (again.body, again.headers["ETag"]) == (answer.body, answer.headers["ETag"])


async def test_every_address_on_the_home_page_is_there(visitor):
    home = await visitor.get("/")
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', home.text)) | set(re.findall(r"(/wp\S+) \d+w", home.text))
    assert len(links) > 12
    for link in links:
        assert (await visitor.get(link)).status == 200, link


async def test_the_feed_is_rss(visitor):
    answer = await visitor.get("/feed/")
    assert answer.headers["Content-Type"].startswith("application/rss+xml")
    items = ElementTree.fromstring(answer.text).findall("channel/item")
    assert len(items) == 6
    assert items[0].findtext("link") == "https://harbour.example/2026/03/14/the-lighthouse-is-lit-again/"


async def test_search_escapes_what_was_typed(visitor):
    answer = await visitor.get("/?s=%3Cscript%3Ealert(1)%3C/script%3E%22")
    assert b"<script>alert" not in answer.body
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;&quot;" in answer.body
    assert "Goats" not in (await visitor.get("/?s=lighthouse")).text


async def test_unknown_addresses_get_a_themed_404(visitor):
    answer = await visitor.get("/no/such/<b>thing</b>")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=UTF-8")
    assert "Lost at sea" in answer.text
    assert "<b>thing" not in answer.text


@pytest.mark.parametrize(
    ("path", "location"),
    [("/about", "/about/"), ("/feed?x=1", "/feed/?x=1"), ("/?p=7", POST), ("/wp-admin/users.php", None)],
)
async def test_redirections(visitor, path, location):
    answer = await visitor.get(path)
    assert answer.status == (301 if location else 302)
    assert answer.headers["Location"] == (location or "/wp-login.php?redirect_to=%2Fwp-admin%2Fusers.php")


async def test_methods_that_a_page_does_not_know(visitor):
    answer = await visitor.ask("DELETE", "/about/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert (await visitor.ask("OPTIONS", "/about/")).status == 204
    assert (await visitor.get("/wp-comments-post.php")).status == 405


async def test_logging_in_gives_pages_of_ones_own(visitor):
    form = await visitor.get("/wp-login.php?redirect_to=%22%3E%3Cb%3E")
    assert '"><b>' not in form.text
    assert "wordpress_test_cookie" in form.headers["Set-Cookie"]
    wrong = await visitor.ask("POST", "/wp-login.php", data={"log": "alice", "pwd": "guess"})
    assert wrong.status == 200
    assert "Set-Cookie" not in wrong.headers

    entered = await visitor.ask("POST", "/wp-login.php", data={"log": "<alice>", "pwd": "admin"})
    assert (entered.status, entered.headers["Location"]) == (302, "/wp-admin/")
    cookie = entered.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("wordpress_logged_in_")
    mine = await visitor.get("/", Cookie=f"other=1; {cookie}")
    assert "Howdy, &lt;alice&gt;" in mine.text
    assert mine.headers["Cache-Control"] == "private, no-cache"
    assert mine.headers["ETag"] != (await visitor.get("/")).headers["ETag"]

    admin = await visitor.get("/wp-admin/", Cookie=cookie)
    assert admin.status == 200
    for answer in (form, wrong, entered, admin, await visitor.get("/wp-admin/")):
        assert answer.headers["Cache-Control"] == "no-cache, must-revalidate, max-age=0, no-store, private"
    out = await visitor.get("/wp-login.php?action=logout", Cookie=cookie)
    assert "Max-Age=0" in out.headers["Set-Cookie"]


@pytest.mark.parametrize(("asked", "given"), [("/about/", "/about/"), ("//evil.example/", "/wp-admin/")])
async def test_login_only_redirects_within_the_site(visitor, asked, given):
    answer = await visitor.ask("POST", "/wp-login.php", data={"log": "a", "pwd": "admin", "redirect_to": asked})
    assert answer.headers["Location"] == given


async def test_a_comment_shows_on_every_node_and_changes_the_validators(visitor):
    before = await visitor.get(POST)
    form = {"author": "Bo <b>", "email": "bo@example.org", "comment": "<i>ahoy</i>", "comment_post_ID": "7"}
    sent = await visitor.ask("POST", "/wp-comments-post.php", data=form)
    assert (sent.status, sent.headers["Location"]) == (302, POST + "#comment-1")
    assert any(line.startswith("comment_author_") for line in sent.headers.getall("Set-Cookie"))
    pages = [await visitor.get(POST) for _ in range(2)]
    assert {page.headers["X-Served-By"] for page in pages} == {"site-a", "site-b"}
    for page in pages:
        assert "&lt;i&gt;ahoy&lt;/i&gt;" in page.text
        assert "<b>" not in page.text
        assert page.headers["ETag"] != before.headers["ETag"]
        assert page.headers["Last-Modified"] != before.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"author": "", "comment": "x", "comment_post_ID": "7"}, 400),
        ({"author": "a", "comment": " ", "comment_post_ID": "7"}, 400),
        ({"author": "a", "comment": "x", "comment_post_ID": "99"}, 404),
        ({"author": "a", "comment": "x", "comment_post_ID": "2"}, 404),
    ],
)
async def test_comments_that_are_refused(visitor, form, status):
    assert (await visitor.ask("POST", "/wp-comments-post.php", data=form)).status == status


async def test_nodes_of_their_own_share_comments_through_a_directory(visit, tmp_path: Path):
    node = Settings(role="node", data=tmp_path / "comments")
    async with visit(node) as one, visit(node) as other:
        form = {"author": "Bo", "comment": "through a file", "comment_post_ID": "7"}
        assert (await one.ask("POST", "/wp-comments-post.php", data=form)).status == 302
        assert "through a file" in (await other.get(POST)).text
        form["comment"] = "and back"
        assert (await other.ask("POST", "/wp-comments-post.php", data=form)).headers["Location"].endswith("#comment-2")
        assert "and back" in (await one.get(POST)).text
    async with visit(node) as later:
        assert "and back" in (await later.get(POST)).text


@pytest.mark.parametrize(
    ("path", "kind", "least", "most", "seconds"),
    [
        ("/wp-content/themes/harbour/style.css", "text/css; charset=UTF-8", 1001, 9_000, 31_536_000),
        ("/wp-content/themes/harbour/app.js", "text/javascript; charset=UTF-8", 100, 9_000, 31_536_000),
        (UPLOAD, "image/jpeg", 100_000, 200_000, 86_400),
        ("/wp-content/uploads/harbour-1024x683.jpg", "image/jpeg", 50_000, 200_000, 86_400),
        ("/wp-content/uploads/lighthouse.png", "image/png", 500, 50_000, 86_400),
        ("/wp-content/uploads/tide.svg", "image/svg+xml", 100, 5_000, 86_400),
        ("/favicon.ico", "image/x-icon", 100, 5_000, 86_400),
        ("/robots.txt", "text/plain; charset=UTF-8", 10, 500, 86_400),
    ],
)
async def test_files_live_long_and_have_validators(visitor, path, kind, least, most, seconds):
    answer = await visitor.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert least <= len(answer.body) <= most
    assert answer.headers["Cache-Control"] == f"public, max-age={seconds}"
    assert re.fullmatch('"[0-9a-f]+"', answer.headers["ETag"])
    head = await visitor.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(answer.body))
    for condition in (
        {"If_None_Match": answer.headers["ETag"]},
        {"If_Modified_Since": answer.headers["Last-Modified"]},
    ):
        fresh = await visitor.get(path, **condition)
        assert (fresh.status, fresh.body) == (304, b"")
        assert fresh.headers["ETag"] == answer.headers["ETag"]
        assert fresh.headers["Cache-Control"] == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-None-Match": 'W/ETAG, "other"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": "LATER"}, 200),  # the date is ignored beside a tag
        ({"If-Modified-Since": "EARLIER"}, 200),
        ({"If-Modified-Since": "yesterday or so"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/ETAG"}, 412),
        ({"If-Match": "ETAG"}, 200),
        ({"If-Unmodified-Since": "EARLIER"}, 412),
        ({"If-Match": "ETAG", "If-Unmodified-Since": "EARLIER"}, 200),
        ({"Range": "bytes=0-9", "If-None-Match": "ETAG"}, 304),
        ({"Range": "bytes=0-9", "If-Range": "ETAG"}, 206),
        ({"Range": "bytes=0-9", "If-Range": "W/ETAG"}, 200),
        ({"Range": "bytes=0-9", "If-Range": "EARLIER"}, 200),
    ],
)
async def test_the_precedence_of_conditions(visitor, conditions, status):
    etag = (await visitor.get(UPLOAD)).headers["ETag"]
    dates = {"EARLIER": "Wed, 31 Dec 2025 00:00:00 GMT", "LATER": "Thu, 01 Jan 2037 00:00:00 GMT"}
    headers = {name: dates.get(value, value).replace("ETAG", etag) for name, value in conditions.items()}
    assert (await visitor.ask("GET", UPLOAD, headers=headers)).status == status


@pytest.mark.parametrize(
    ("field", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-299", 100, 300),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("BYTES=1-9999999", 1, None),
    ],
)
async def test_one_range_is_served(visitor, field, start, stop):
    whole = await visitor.get(UPLOAD)
    part = await visitor.get(UPLOAD, Range=field)
    wanted = whole.body[start:stop]
    assert (part.status, part.body) == (206, wanted)
    first = start % len(whole.body)
    assert part.headers["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(whole.body)}"


async def test_ranges_that_are_refused_or_ignored(visitor):
    length = len((await visitor.get(UPLOAD)).body)
    for field in (f"bytes={length}-", "bytes=-0"):
        answer = await visitor.get(UPLOAD, Range=field)
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{length}")
    for field in ("bytes=9-5", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=x"):
        assert (await visitor.get(UPLOAD, Range=field)).status == 200


def jpeg_segments(data: bytes) -> tuple[dict[int, list[bytes]], bytes]:
    """Marker to payloads, and the scan: an independent reading of ITU-T T.81 annex B."""
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    at, found = 2, {}
    while True:
        mark, code, length = struct.unpack_from(">BBH", data, at)
        assert mark == 0xFF
        found.setdefault(code, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
        if code == 0xDA:
            return found, data[at:-2]


def huffman_table(payload: bytes) -> dict[str, int]:
    table, code, at = {}, 0, 17
    for length, count in enumerate(payload[1:17], start=1):
        for _ in range(count):
            table[format(code, f"0{length}b")] = payload[at]
            code, at = code + 1, at + 1
        code <<= 1
    return table


@pytest.mark.parametrize(("scene", "width", "height"), [(pictures.harbour, 300, 200), (pictures.quay, 150, 150)])
def test_a_jpeg_decodes_to_the_blocks_that_its_size_asks_for(scene, width, height):
    segments, scan = jpeg_segments(pictures.jpg(scene, width, height))
    assert segments[0xE0][0].startswith(b"JFIF\0")
    assert struct.unpack(">BHHB", segments[0xC0][0][:6]) == (8, height, width, 3)
    assert re.search(rb"\xff[^\x00]", scan) is None
    bits = "".join(format(byte, "08b") for byte in scan.replace(b"\xff\x00", b"\xff"))
    dc, ac = (huffman_table(payload) for payload in segments[0xC4])
    at, means, blocks = 0, [0, 0, 0], -(-width // 8) * -(-height // 8)

    def symbol(table: dict[str, int]) -> int:
        nonlocal at
        end = next(end for end in range(at + 1, at + 17) if bits[at:end] in table)
        found, at = table[bits[at:end]], end
        return found

    for number in range(blocks * 3):
        size = symbol(dc)
        value = int(bits[at : at + size] or "0", 2)
        means[number % 3] += value if not size or value >> (size - 1) else value - (1 << size) + 1
        at += size
        assert -128 <= means[number % 3] <= 127
        while (pair := symbol(ac)) != 0:
            at += pair & 15
    assert len(bits) - at < 8
    assert set(bits[at:]) <= {"1"}


def test_a_png_holds_the_picture():
    data, at, pixels = pictures.png(pictures.lighthouse, 20, 10), 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        payload = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + payload) == struct.unpack_from(">I", data, at + 8 + length)[0]
        pixels += zlib.decompress(payload) if kind == b"IDAT" else b""
        at += 12 + length
    assert len(pixels) == 10 * (1 + 20 * 3)


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (16, 20), (PIECE - 3, PIECE + 20), (5, 3 * PIECE + 1)])
def test_a_cut_of_the_pattern_is_the_cut_of_the_whole(start, stop):
    whole = b"".join(Pattern(4 * PIECE).pieces(0, 4 * PIECE))
    assert whole[PIECE : PIECE + 16] == b"block 000000001\n"
    assert b"".join(Pattern(4 * PIECE).pieces(start, stop)) == whole[start:stop]
