"""Bodies with readers at their own paces, against plain bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.bodies import Body, Reader
from edgesim.core.failures import Failure, FailureKind

chunks = st.lists(st.binary(max_size=5), max_size=12)
moves = st.lists(st.tuples(st.sampled_from(["read", "append", "append", "open"]), st.integers(0, 4)), max_size=40)


def drain(reader: Reader) -> bytes:
    found = b""
    while (chunk := reader.next()) is not None:
        found += chunk
    return found


@given(chunks, moves, st.booleans())
def test_every_reader_gets_every_byte_from_where_he_began(
    data: list[bytes], order: list[tuple[str, int]], kept: bool
) -> None:
    body = Body(kept=kept)
    readers: list[tuple[Reader, int, list[bytes]]] = [(body.reader(), 0, [])]
    coming, sent = list(data), b""
    for move, which in order:
        if move == "append" and coming:
            sent += coming[0]
            body.append(coming.pop(0))
        elif move == "open" and kept:
            readers.append((body.reader(), 0, []))
        elif move == "read":
            reader, _, found = readers[which % len(readers)]
            chunk = reader.next()
            if chunk is not None:
                found.append(chunk)
    for chunk in coming:
        sent += chunk
        body.append(chunk)
    body.finish()
    for reader, begin, found in readers:
        assert b"".join(found) + drain(reader) == sent[begin:]
    assert body.size == len(sent)
    if kept:
        assert body.data == sent
        assert drain(body.reader()) == sent


@given(chunks)
def test_what_is_not_kept_is_dropped_behind_the_slowest_reader(data: list[bytes]) -> None:
    body = Body(kept=False)
    fast, slow = body.reader(), body.reader()
    for chunk in data:
        body.append(chunk)
        fast.next()
        assert body.backlog <= body.size
    assert body.backlog == body.size
    drain(slow)
    assert body.backlog == 0
    body.append(b"more")
    assert body.backlog == 4
    slow.close()
    fast.next()
    assert body.backlog == 0


def test_a_million_bytes_pass_in_bounded_memory() -> None:
    body = Body(kept=False)
    reader = body.reader()
    for _ in range(1000):
        body.append(bytes(1000))
        assert body.backlog <= 1000
        assert reader.next() == bytes(1000)
    assert body.size == 1_000_000
    assert body.backlog == 0


def test_releasing_drops_what_was_read() -> None:
    body = Body()
    reader = body.reader()
    body.append(b"one")
    body.append(b"two")
    reader.next()
    assert body.backlog == 6
    body.release()
    assert body.backlog == 3
    assert drain(reader) == b"two"
    body.finish()
    assert body.ended


def test_nobody_reads_what_is_not_kept() -> None:
    body = Body(kept=False)
    body.append(b"lost")
    body.trim()
    assert body.backlog == 0
    body.trim()
    assert drain(body.reader()) == b""


def test_watchers_hear_of_each_change_once() -> None:
    body, heard = Body(), []
    body.watch(lambda: heard.append("append"))
    body.append(b"x")
    body.append(b"y")
    body.watch(lambda: heard.append("finish"))
    body.finish()
    broken = Body()
    broken.watch(lambda: heard.append("fail"))
    broken.fail(Failure(FailureKind.TRUNCATED))
    assert heard == ["append", "finish", "fail"]
    assert broken.ended
    assert not broken.complete


def test_the_last_reader_to_leave_is_noticed() -> None:
    body, left = Body(), []
    body.on_abandoned = lambda: left.append("left")
    one, two = body.reader(), body.reader()
    one.close()
    assert not left
    two.close()
    assert left == ["left"]
    body.finish()
    body.reader().close()
    assert left == ["left"]


def test_a_body_that_is_there_already() -> None:
    body = Body(b"whole")
    assert body.complete
    assert body.data == b"whole"
    assert drain(body.reader()) == b"whole"
    assert Body(b"").data == b""
    assert Body(b"").complete


def test_readers_half_way_when_the_chunks_become_one() -> None:
    body = Body()
    at_start, in_middle, at_end = body.reader(), body.reader(), body.reader()
    for chunk in (b"one", b"two", b"three"):
        body.append(chunk)
    in_middle.next()
    drain(at_end)
    body.finish()
    assert drain(at_start) == b"onetwothree"
    assert drain(in_middle) == b"twothree"
    assert drain(at_end) == b""
