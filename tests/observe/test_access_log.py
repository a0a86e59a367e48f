"""The access log, row by row and when the disk says no."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed_verdicts import request, verdict

from edgesim.core.reasons import Outcome, Rejection
from edgesim.observe import access_log
from edgesim.observe.access_log import HEAD, AccessLog, encoded, row

NAMES = HEAD.splitlines()[1].removeprefix("#Fields: ").split(" ")


def fields(line: str) -> dict[str, str]:
    assert line.endswith("\n")
    values = line[:-1].split("\t")
    assert len(values) == 33
    return dict(zip(NAMES, values, strict=True))


def test_there_are_33_fields_under_the_two_header_lines() -> None:
    assert HEAD.startswith("#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) ")
    assert len(NAMES) == 33
    assert NAMES[-1] == "sc-range-end"


def test_a_hit_as_the_guide_shows_one() -> None:
    asked = request("/index.html?a=1&b=%20", User_Agent="Mozilla/5.0 (Windows NT 10.0)", Referer="http://x.test/a b")
    found = fields(row(verdict(request=asked, content_type="text/html", content_length=78)))
    assert found["date"] == "2026-03-01"
    assert found["time"] == "12:00:00"
    assert found["x-edge-location"] == "LHR61-C2"
    assert (found["sc-bytes"], found["c-ip"], found["cs-method"]) == ("392", "192.0.2.10", "GET")
    assert (found["cs(Host)"], found["x-host-header"]) == ("d111111abcdef8.cloudfront.net", "www.harbour.test")
    assert (found["cs-uri-stem"], found["cs-uri-query"]) == ("/index.html", "a=1&b=%2520")
    assert found["cs(User-Agent)"] == "Mozilla/5.0%20(Windows%20NT%2010.0)"
    assert found["cs(Referer)"] == "http://x.test/a%20b"
    assert (found["x-edge-result-type"], found["x-edge-response-result-type"]) == ("Hit", "Hit")
    assert found["x-edge-detailed-result-type"] == "Hit"
    assert (found["cs-protocol"], found["cs-protocol-version"]) == ("http", "HTTP/1.1")
    assert (found["time-taken"], found["time-to-first-byte"]) == ("0.002", "0.001")
    assert (found["c-port"], found["cs-bytes"]) == ("46532", "23")
    assert (found["sc-content-type"], found["sc-content-len"]) == ("text/html", "78")
    empty = ("cs(Cookie)", "x-forwarded-for", "ssl-protocol", "ssl-cipher", "fle-status", "sc-range-start")
    assert {found[name] for name in empty} == {"-"}


def test_a_viewer_who_left_is_an_error_after_a_miss() -> None:
    found = fields(row(verdict(Outcome.MISS, complete=False, status=0)))
    assert (found["x-edge-result-type"], found["x-edge-response-result-type"]) == ("Error", "Miss")
    assert found["sc-status"] == "000"


def test_a_range_over_tls() -> None:
    tls = ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    asked = request(scheme="https", X_Forwarded_For="198.51.100.1, 198.51.100.2")
    found = fields(row(verdict(request=asked, tls=tls, content_range="bytes 10-19/100")))
    assert (found["sc-range-start"], found["sc-range-end"]) == ("10", "19")
    assert (found["ssl-protocol"], found["ssl-cipher"]) == tls
    assert found["x-forwarded-for"] == "198.51.100.1,%20198.51.100.2"


@given(st.text())
def test_no_value_breaks_a_row(value: str) -> None:
    text = encoded(value)
    assert re.fullmatch(r"[\x21-\x7e]+", text)
    assert not set(text) & set("<>\"#{}|\\^~[]`'")


def log_of(path: Path, *verdicts: object) -> AccessLog:
    log = AccessLog(path)
    for one in verdicts:
        log.listen(one)  # type: ignore[arg-type]
    log.flush()
    return log


def test_rows_are_appended_under_one_head(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log_of(path, verdict()).close()
    log = log_of(path, verdict(), verdict())
    assert path.read_text().startswith(HEAD)
    assert len(path.read_text().splitlines()) == 5
    assert (log.written, log.lost, log.warning) == (2, 0, "")


def test_a_log_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = log_of(path, verdict())
    path.rename(tmp_path / "old.log")
    log.listen(verdict())
    log.close()
    assert path.read_text().startswith(HEAD)


def test_what_cloudfront_leaves_out_is_left_out(tmp_path: Path) -> None:
    refused = verdict(Outcome.ERROR)
    three = (Rejection.URL_TOO_LONG, Rejection.HEAD_TOO_BIG, Rejection.FORWARDED_TO_EDGE)
    log = log_of(tmp_path / "access.log", *(replace(refused, rejection=one) for one in three))
    assert log.written == 0
    assert not (tmp_path / "access.log").exists()


def test_a_distribution_may_log_nothing_or_cookies_too(tmp_path: Path) -> None:
    asked = request(Cookie="a=1; b=two words")
    asked.headers.add("Cookie", "c=3")
    plain, told = verdict(request=asked), verdict(request=asked, cookies_logged=True)
    assert fields(row(plain))["cs(Cookie)"] == "-"
    assert fields(row(told))["cs(Cookie)"] == "a=1;%20b=two%20words;%20c=3"
    assert fields(row(verdict(cookies_logged=True)))["cs(Cookie)"] == "-"
    log = log_of(tmp_path / "access.log", verdict(logged=False), verdict(logged=True))
    assert log.written == 1


@pytest.mark.parametrize("name", ["/dev/full", "/nowhere/access.log", "."])
def test_a_path_that_cannot_be_written_is_a_warning(name: str) -> None:
    log = log_of(Path(name), verdict(), verdict())
    assert (log.written, log.lost) == (0, 2)
    assert "2 rows are lost" in log.warning


def test_the_file_may_change(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "a.log")
    log.listen(verdict())
    log.to(tmp_path / "b.log")
    log.listen(verdict())
    log.to(None)
    log.listen(verdict())
    log.close()
    assert log.written == 2
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "b.log"}


async def test_it_is_written_by_itself_while_the_edges_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "INTERVAL", 0.001)
    log = AccessLog(tmp_path / "access.log")
    for _ in range(access_log.PIECE * 2 + 1):
        log.listen(verdict())
    writing = asyncio.ensure_future(log.run())
    for _ in range(1_000_000):
        await asyncio.sleep(0)
        if log.written == access_log.PIECE * 2 + 1:
            break
    writing.cancel()
    assert len((tmp_path / "access.log").read_text().splitlines()) == access_log.PIECE * 2 + 3
