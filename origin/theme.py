"""The theme "harbour": one stylesheet, one script, and the frame around every page."""

from __future__ import annotations

from html import escape

STYLE = b"""/*
Theme Name: Harbour
Description: A plain theme for a plain harbour.
Version: 1.4
*/
:root { --sea: #265c7a; --sky: #a8cde8; --sail: #f5f0e4; --hull: #7a261e; --ink: #22303a; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--sail); color: var(--ink); font: 17px/1.6 Georgia, serif; }
.masthead { background: linear-gradient(var(--sky), var(--sea)); color: #fff; padding: 2rem 1rem 1rem; }
.masthead a { color: inherit; text-decoration: none; }
.masthead nav a { margin-right: 1rem; font-size: .9rem; border-bottom: 1px solid rgba(255, 255, 255, .5); }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
article { border-bottom: 1px solid #d8d0bc; padding-bottom: 1rem; }
article h2 a { color: var(--hull); text-decoration: none; }
article img { max-width: 100%; height: auto; border-radius: 4px; }
.meta { color: #6b7780; font-size: .85rem; }
.greeting { background: var(--hull); color: #fff; padding: .4rem 1rem; font-size: .85rem; }
.comments li { margin-bottom: .8rem; }
form.comment input, form.comment textarea, form.search input { width: 100%; padding: .5rem; margin-bottom: .6rem; }
button { background: var(--sea); color: #fff; border: 0; border-radius: 3px; padding: .5rem 1.2rem; }
footer { text-align: center; color: #6b7780; font-size: .8rem; padding: 2rem 0; }
@media (max-width: 40rem) { body { font-size: 16px; } .masthead { padding: 1rem; } }
"""

SCRIPT = b"""(function () {
  'use strict';
  var buttons = document.querySelectorAll('form.comment button');
  Array.prototype.forEach.call(buttons, function (button) {
    button.form.addEventListener('submit', function () {
      button.disabled = true;
      button.textContent = 'Sending\\u2026';
    });
  });
  document.documentElement.className += ' js';
}());
"""

ROBOTS = b"User-agent: *\nDisallow: /wp-admin/\nDisallow: /wp-login.php\n"

NAVIGATION = (("/", "Home"), ("/about/", "About"), ("/tide-table/", "Tide table"), ("/contact/", "Contact"))


def page(title: str, main: str, visitor: str | None = None) -> bytes:
    """A whole page; ``main`` is HTML already, ``title`` and ``visitor`` are text."""
    links = "".join(f'<a href="{path}">{escape(name)}</a>' for path, name in NAVIGATION)
    greeting = ""
    if visitor is not None:
        out = '<a href="/wp-login.php?action=logout" style="color:inherit">Log out</a>'
        greeting = f'<div class="greeting">Howdy, {escape(visitor)} · {out}</div>\n'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – Harbour</title>
<link rel="stylesheet" href="/wp-content/themes/harbour/style.css">
<link rel="alternate" type="application/rss+xml" title="Harbour feed" href="/feed/">
<link rel="icon" href="/favicon.ico">
</head>
<body>
{greeting}<header class="masthead"><h1><a href="/">Harbour</a></h1><nav>{links}</nav></header>
<main>
{main}
</main>
<footer>Harbour office, north mole. Proudly powered by the tide.</footer>
<script src="/wp-content/themes/harbour/app.js" defer></script>
</body>
</html>
""".encode()
