"""YAML with lines, without surprises."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.world.documents import LARGEST, parse_document, read_document


def test_scalars_follow_yaml_1_2() -> None:
    text = "{a: no, b: 010, c: 1e3, d: 2026-03-01, e: '5', f: true, g: null, h: 0x10, i: 1:30, j: on, k: .5, l: -3}"
    assert parse_document(text, {}).data == {
        "a": "no", "b": 10, "c": 1000.0, "d": "2026-03-01", "e": "5", "f": True, "g": None, "h": 16,
        "i": "1:30", "j": "on", "k": 0.5, "l": -3,
    }  # fmt: skip


def test_the_environment_fills_values_in() -> None:
    env = {"PORT": "8080", "EMPTY": "", "EVIL": "{a: [b]} # not yaml"}
    text = 'a: ${PORT}\nb: "${PORT}"\nc: ${NONE:-x}\nd: http://h:${PORT}/\ne: "$${PORT}"\nf: ${EMPTY:-y}\ng: ${EVIL}\n'
    text += "h: ${EMPTY}\ni: $5\nj: a$$b\n"
    document = parse_document(text, env)
    assert not document.mistakes
    assert document.data == {
        "a": 8080, "b": "8080", "c": "x", "d": "http://h:8080/", "e": "${PORT}", "f": "y",
        "g": "{a: [b]} # not yaml", "h": None, "i": "$5", "j": "a$$b",
    }  # fmt: skip


def test_an_unset_name_is_a_mistake_with_its_line() -> None:
    (mistake,) = parse_document("a: 1\nb:\n  c: ${NOWHERE}\n", {}).mistakes
    assert (mistake.path, mistake.line, mistake.found) == ("b.c", 3, "${NOWHERE}")
    assert "${NOWHERE:-default}" in mistake.hint


def test_lines_of_keys_and_items() -> None:
    document = parse_document("a:\n  - x\n  - b: 1\n    c: 2\n", {})
    assert document.line(("a", 1, "c")) == 4
    assert document.line(("a", 0)) == 2
    assert document.line(("a", 1, "nothing here")) == 3


def test_a_key_twice() -> None:
    (mistake,) = parse_document("a: 1\nb: 2\na: 3\n", {}).mistakes
    assert (mistake.path, mistake.line) == ("a", 3)
    assert "line 1" in mistake.hint


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: b: c",
        "\tx",
        "--- a\n--- b",
        "a: &x [*x]",
        "[" * 5000,
        "a: *unknown",
        "\x00",
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
    ],
)
def test_what_cannot_be_read_is_one_mistake(text: str) -> None:
    document = parse_document(text, {})
    assert len(document.mistakes) == 1
    assert document.data is None


def test_an_alias_is_a_copy() -> None:
    assert parse_document("a: &x {b: 1}\nc: *x\n", {}).data == {"a": {"b": 1}, "c": {"b": 1}}


def test_lists_as_keys_are_mistakes() -> None:
    (mistake,) = parse_document("? [a]\n: 1\n", {}).mistakes
    assert mistake.line == 1


def test_files(tmp_path: Path) -> None:
    big, binary = tmp_path / "big.yaml", tmp_path / "binary.yaml"
    big.write_bytes(b"#" * (LARGEST + 1))
    binary.write_bytes(b"a: \xff")
    for path, word in ((tmp_path / "none.yaml", "No such file"), (big, "bytes"), (binary, "UTF-8"), (tmp_path, "")):
        (mistake,) = read_document(path, {}).mistakes
        assert word in str(mistake)
        assert str(path) in str(mistake)
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing\n", encoding="utf-8")
    assert read_document(empty, {}).data == {}


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_mistakes(text: str) -> None:
    document = parse_document(text, {})
    assert document.data is not None or document.mistakes or text.strip() != ""
