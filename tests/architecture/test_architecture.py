"""Rules of the house that the code itself can be asked about."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path

import pytest

import edgesim
from edgesim.core import reasons
from edgesim.core.failures import FailureKind
from edgesim.core.reasons import Reason
from edgesim.core.routing import Exclusion
from edgesim.core.tiers import Skipped

ROOT = Path(edgesim.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60

_IMPURE = """
    asyncio aiohttp datetime http io logging os pathlib random secrets select selectors shutil signal socket ssl
    subprocess sys tempfile threading time urllib.request uuid uvloop
"""
IMPURE = frozenset(_IMPURE.split())
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})

REASONS = [
    found for _, found in inspect.getmembers(reasons, inspect.isclass) if issubclass(found, Reason) and found != Reason
]
NAMED = [*REASONS, reasons.Outcome, FailureKind, Skipped, Exclusion]

LONGER = {
    "edgesim/wire/connection.py": 422,
    "edgesim/world/gazetteer.py": 405,
}
"""Modules that grew past the limit, and how long they may be until they are split: these numbers only fall."""

UNUSED = {
    "Forwarded.CONDITIONAL",
    "Outcome.LIMIT_EXCEEDED",
}
"""Names without a user, each waiting for one."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name(path: Path) -> str:
    return path.relative_to(ROOT.parent).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: imports are absolute"
            yield node.module or ""


def written(path: Path) -> set[str]:
    """``Class.MEMBER`` wherever it stands in a module."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_can_be_read(path: Path) -> None:
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LONGER.get(name(path), LONGEST_MODULE)
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", sorted((ROOT / "core").glob("*.py")), ids=name)
def test_the_core_touches_nothing(path: Path) -> None:
    for module in imports(path):
        assert module not in IMPURE, module
        assert module.partition(".")[0] not in IMPURE, module
        assert not module.startswith("edgesim.") or module.startswith(("edgesim.core.", "edgesim.errors")), module
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith), "the core waits"
        assert not isinstance(node, ast.Global), "the core keeps nothing in globals"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, node.func.id


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem != "__init__"], ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.__name__)
def test_every_reason_is_a_reason_of_its_own(named: type[Enum]) -> None:
    assert list(named.__members__) == [member.name for member in named], "an alias hides behind another member"


@pytest.mark.parametrize("named", REASONS, ids=lambda named: named.__name__)
def test_every_reason_has_words_and_a_source(named: type[Reason]) -> None:
    for member in named:
        assert member.slug, member
        assert " " not in member.slug, member
        assert member.sentence.endswith("."), member
        assert "RFC " in member.source or "spec §" in member.source or member.source == "edgesim", member
    sentences = [member.sentence for member in named]
    assert len(set(sentences)) == len(sentences)


def test_every_named_reason_is_given_somewhere() -> None:
    used = {found for path in MODULES for found in written(path)}
    unused = {f"{named.__name__}.{member.name}" for named in NAMED for member in named} - used
    assert unused == UNUSED
