"""The writing on the site: posts, pages, and the comments visitors leave."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

COMMENTS_PER_POST = 200
COMMENT_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Post:
    """A post, or a page when it has no place in the calendar; ``dated`` is in seconds since the epoch."""

    number: int
    path: str
    title: str
    dated: int
    picture: str
    paragraphs: tuple[str, ...]

    @property
    def excerpt(self) -> str:
        return self.paragraphs[0]

    def mentions(self, term: str) -> bool:
        return any(term.casefold() in text.casefold() for text in (self.title, *self.paragraphs))


POSTS = (
    Post(
        11,
        "/2026/03/14/the-lighthouse-is-lit-again/",
        "The lighthouse is lit again",
        1_773_477_000,
        "lighthouse.png",
        (
            "After two winters of scaffolding the lamp on the north mole turns again, one flash every five seconds.",
            "The lens was cleaned by hand, all eighty-four prisms of it. The keeper says that the sea looks smaller.",
            "Ships entering at night should keep the white sector on the bow until the inner buoy.",
        ),
    ),
    Post(
        9,
        "/2026/03/02/a-new-timetable-for-the-island-ferry/",
        "A new timetable for the island ferry",
        1_772_440_200,
        "harbour-1024x683.jpg",
        (
            "From April the ferry sails every forty minutes, and the last boat waits for the train.",
            "Bicycles travel free before nine. Dogs travel free always. Goats by arrangement with the mate.",
        ),
    ),
    Post(
        7,
        "/2026/02/20/stones-of-the-old-quay/",
        "Stones of the old quay",
        1_771_578_000,
        "quay.jpg",
        (
            "Every stone of the old quay carries a number, and nobody has found number forty-one.",
            "The wall was moved twice: once for the railway and once, back again, after the railway had gone.",
            "We walked its length with a lantern, a list and the harbour master's terrier.",
        ),
    ),
    Post(
        5,
        "/2026/02/08/how-we-measure-the-tide/",
        "How we measure the tide",
        1_770_541_200,
        "tide.svg",
        (
            "A float, a wire, a drum of paper and a clock: the tide gauge is older than the harbour wall.",
            "The paper is changed on Mondays. The clock is wound by whoever is late.",
        ),
    ),
    Post(
        3,
        "/2026/01/25/winter-moorings/",
        "Winter moorings",
        1_769_331_600,
        "harbour-300x200.jpg",
        (
            "Boats on the outer pontoon move inside until the equinox; lines are to be doubled by the owner.",
            "Ice on the fenders is not an emergency. Ice in the bilge is.",
        ),
    ),
    Post(
        1,
        "/2026/01/05/hello-harbour/",
        "Hello, harbour!",
        1_767_603_600,
        "harbour-1024x683.jpg",
        (
            "Welcome to the harbour's own site. This is the first post; there will be others, tide permitting.",
            "Photographs are by the crane driver, who has the best view and the least time.",
        ),
    ),
)

PAGES = (
    Post(
        2,
        "/about/",
        "About the harbour",
        1_767_600_000,
        "harbour-1024x683.jpg",
        (
            "A small deep-water harbour with two moles, one lighthouse and a crane that works.",
            "The office is open when the flag is up.",
        ),
    ),
    Post(
        4,
        "/contact/",
        "Contact",
        1_767_600_060,
        "quay-300x200.jpg",
        ("Call on channel 12, knock at the white door, or leave a comment under any post.",),
    ),
    Post(
        6,
        "/tide-table/",
        "Tide table",
        1_767_600_120,
        "tide.svg",
        ("High water at six, low water at noon, and the same again in the evening, more or less.",),
    ),
)


@dataclass(frozen=True, slots=True)
class Comment:
    """What a visitor wrote under a post; ``written`` is in whole seconds since the epoch."""

    number: int
    post: int
    author: str
    text: str
    written: int


class Comments:
    """The comments of every node: shared in one process, or through a file when nodes are processes of their own.

    The file holds one JSON object a line and is only ever appended to; each node reads what others added.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._by_post: dict[int, list[Comment]] = {}
        self._count = 0
        self._file = directory / "comments.jsonl" if directory is not None else None
        self._read_bytes = 0
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def under(self, post: Post) -> list[Comment]:
        """The latest 200 comments of a post, oldest first."""
        self._catch_up()
        return list(self._by_post.get(post.number, []))

    def add(self, post: Post, author: str, text: str) -> Comment:
        self._catch_up()
        comment = Comment(self._count + 1, post.number, author, text[:COMMENT_CHARACTERS], int(time.time()))
        if self._file is None:
            self._keep(comment)
        else:
            line = json.dumps(asdict(comment)) + "\n"
            with self._file.open("a", encoding="ascii") as file:
                file.write(line)  # one short write in append mode: lines of several nodes do not mix
            self._catch_up()
        return comment

    def _catch_up(self) -> None:
        if self._file is None or self._file.stat().st_size == self._read_bytes:
            return
        with self._file.open("rb") as file:
            file.seek(self._read_bytes)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            self._keep(Comment(**json.loads(line)))

    def _keep(self, comment: Comment) -> None:
        self._count += 1
        kept = self._by_post.setdefault(comment.post, [])
        kept.append(comment)
        del kept[:-COMMENTS_PER_POST]
