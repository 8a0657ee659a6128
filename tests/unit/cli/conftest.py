"""Runs commands in this process, each test in a directory of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pixelwire.cli.group import outcome


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs one command in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = outcome(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_command


@pytest.fixture
def ready(run: Run) -> Run:
    """The same, after `pixelwire init` and with one business and one pixel."""
    assert run("init").code == 0
    assert run("business", "create", "Shop").code == 0
    assert run("pixel", "create", "https://shop.example", "Front").code == 0
    return run
