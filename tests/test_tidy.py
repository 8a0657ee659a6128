"""The style that a machine can see, so that reviews are for ideas."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}
MARKER = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]))


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_source_file_is_longer_than_400_lines() -> None:
    """A file past 400 lines has more than one job."""
    too_long = {str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text().splitlines()) > 400}
    assert too_long == set()


def test_no_function_is_longer_than_70_lines() -> None:
    """Where a reader must scroll, a function has more than one job."""
    too_long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 70
    ]
    assert too_long == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_its_job(path: Path) -> None:
    """Every module opens with its job."""
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_no_file_is_named_after_nothing() -> None:
    """A helper has a subject, and its file is named after it."""
    assert [path.name for path in SOURCES if path.name in BANNED_NAMES] == []


def test_nothing_left_over() -> None:
    """No marker of unfinished work stays in the tree."""
    left = [
        name
        for name in tracked()
        if name.endswith((".py", ".sql", ".sh", ".toml", ".html"))
        and MARKER.search((ROOT / name).read_text())
    ]
    assert left == []


def test_no_registry_address_is_committed() -> None:
    """Lock files carry hashes, not hosts."""
    hosts = re.compile("|".join(["pythonhosted", r"pypi\.org", r"registry\.npmjs"]))
    assert [
        name
        for name in tracked()
        if name.endswith((".txt", ".toml", ".json", ".lock")) and hosts.search((ROOT / name).read_text())
    ] == []


def test_every_test_says_its_fact() -> None:
    """A test has one sentence that states what must hold."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
