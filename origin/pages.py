"""The pages of the site as HTML and RSS; everything that a visitor typed is escaped here."""

from __future__ import annotations

import time
from html import escape

from origin.document import http_date
from origin.posts import POSTS, Comment, Post
from origin.theme import page

SEARCH_FORM = (
    '<form class="search" action="/" method="get"><input type="search" name="s" '
    'aria-label="Search" placeholder="Search the log"><button>Search</button></form>'
)


def home(visitor: str | None) -> bytes:
    hero = picture_tag("harbour-1024x683.jpg")
    return page("Home", hero + "".join(_teaser(post) for post in POSTS) + SEARCH_FORM, visitor)


def single(post: Post, comments: list[Comment], visitor: str | None) -> bytes:
    """A post with its comments and the form for the next one; a page (not among the posts) takes no comments."""
    text = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in post.paragraphs)
    article = f"<article><h2>{escape(post.title)}</h2>\n{picture_tag(post.picture)}\n{text}</article>\n"
    return page(post.title, article + (_discussion(post, comments) if post in POSTS else ""), visitor)


def search(term: str, visitor: str | None) -> bytes:
    found = [post for post in POSTS if post.mentions(term)]
    heading = f"<h2>Search results for “{escape(term)}”</h2>\n"
    results = "".join(_teaser(post) for post in found) or "<p>Nothing found, not even driftwood.</p>\n"
    return page(f"Search: {term}", heading + results + SEARCH_FORM, visitor)


def not_found(visitor: str | None) -> bytes:
    text = "<article><h2>Lost at sea</h2><p>There is nothing at this address. Try the search.</p></article>"
    return page("Page not found", text + SEARCH_FORM, visitor)


def login(message: str, redirect_to: str) -> bytes:
    notice = f'<p class="error"><strong>{escape(message)}</strong></p>' if message else ""
    return page(
        "Log in",
        f"""{notice}<form name="loginform" class="comment" action="/wp-login.php" method="post">
<p><label>Username <input type="text" name="log" autocomplete="username"></label></p>
<p><label>Password <input type="password" name="pwd" autocomplete="current-password"></label></p>
<input type="hidden" name="redirect_to" value="{escape(redirect_to)}">
<button name="wp-submit" value="Log In">Log in</button></form>""",
    )


def dashboard(visitor: str, path: str) -> bytes:
    return page("Dashboard", f"<h2>Dashboard</h2><p>{escape(visitor)}, you are at {escape(path)}.</p>", visitor)


def refusal(message: str) -> bytes:
    return page("Error", f"<article><h2>Error</h2><p>{escape(message)}</p></article>")


def feed(site: str) -> bytes:
    """RSS 2.0; ``site`` is the address without a slash at its end."""
    items = "".join(
        f"<item><title>{escape(post.title)}</title><link>{escape(site + post.path)}</link>"
        f'<pubDate>{http_date(post.dated)}</pubDate><guid isPermaLink="false">{escape(site)}/?p={post.number}</guid>'
        f"<description>{escape(post.excerpt)}</description></item>\n"
        for post in POSTS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        f"<title>Harbour</title><link>{escape(site)}/</link><description>News from the quay</description>\n"
        f"<lastBuildDate>{http_date(POSTS[0].dated)}</lastBuildDate>\n{items}</channel></rss>\n"
    ).encode()


def picture_tag(name: str) -> str:
    """An image element; the large harbour offers its other sizes too."""
    base = "/wp-content/uploads/"
    sizes = ""
    if name == "harbour-1024x683.jpg":
        sources = f"{base}harbour-300x200.jpg 300w, {base}{name} 1024w, {base}harbour.jpg 1200w"
        sizes = f' srcset="{sources}" sizes="(max-width: 46rem) 100vw, 46rem"'
    return f'<img src="{base}{escape(name)}"{sizes} alt="" loading="lazy">'


def _teaser(post: Post) -> str:
    day = time.strftime("%d %B %Y", time.gmtime(post.dated))
    return (
        f'<article><h2><a href="{post.path}">{escape(post.title)}</a></h2>'
        f'<p class="meta">{day}</p><p>{escape(post.excerpt)}</p></article>\n'
    )


def _discussion(post: Post, comments: list[Comment]) -> str:
    items = "".join(
        f'<li id="comment-{c.number}"><strong>{escape(c.author)}</strong> '
        f'<span class="meta">{http_date(c.written)}</span><br>{escape(c.text)}</li>\n'
        for c in comments
    )
    return f"""<section><h3>Comments ({len(comments)})</h3><ol class="comments">
{items}</ol>
<form class="comment" action="/wp-comments-post.php" method="post">
<input name="author" placeholder="Name" required><input name="email" type="email" placeholder="Email">
<textarea name="comment" rows="4" placeholder="Comment" required></textarea>
<input type="hidden" name="comment_post_ID" value="{post.number}">
<button>Post comment</button></form></section>"""
