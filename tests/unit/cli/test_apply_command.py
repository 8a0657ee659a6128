"""`pixelwire apply`: shows first, asks, and does all or nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

from pixelwire.cli.group import group

Run = Callable[..., Any]
FILE = """
[[businesses]]
name = "Shop"

[[businesses.pixels]]
name = "Front"

[[businesses.pixels]]
name = "Mails"
domain = "https://mail.example"

[[businesses.destinations]]
name = "Hook"
kind = "webhook"
options = { url = { env = "HOOK_URL" } }
"""


@pytest.fixture
def declared(ready: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `apply` of a file over a catalog that has the business and one of its pixels."""
    Path("shop.toml").write_text(FILE)
    monkeypatch.setenv("HOOK_URL", "https://hooks.example/in?key=url-secret")

    def apply(*arguments: str) -> Any:
        return ready("apply", "shop.toml", *arguments)

    return apply


def test_a_dry_run_shows_and_does_nothing(declared: Run, ready: Run) -> None:
    """Exit code 6 while there is something to do, 0 when there is not; no secret."""
    ran = declared("--dry-run")
    assert (ran.code, ran.out.splitlines()) == (
        6,
        ["+ pixel Shop / Mails", "+ destination Shop / Hook", "2 to make, 0 to change, 2 as declared"],
    )
    assert ready("destination", "list", "--json").json == []
    assert declared("--yes").code == 0
    ran = declared("--dry-run")
    assert (ran.code, ran.out) == (0, "nothing to do\n")


def test_what_was_made_is_told(declared: Run, ready: Run) -> None:
    """With the ids that tags need."""
    ran = declared("--yes")
    pixel_id = ready("pixel", "show", "Mails", "--json").json["id"]
    assert f"pixel Shop / Mails: {pixel_id}" in ran.out.splitlines()
    assert "url-secret" not in ran.out + ran.err
    assert declared().out == "nothing to do\n"


def test_a_change_is_shown_by_member(declared: Run, ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a secret only that it changed; with what the file does not name."""
    declared("--yes")
    ready("pixel", "create", "https://old.example", "Old")
    monkeypatch.setenv("HOOK_URL", "https://hooks.example/in?key=url-secret-2")
    Path("shop.toml").write_text(FILE.replace("mail.example", "news.example"))
    ran = declared("--dry-run")
    assert ran.out.splitlines() == [
        "~ pixel Shop / Mails",
        "    domain: https://mail.example -> https://news.example",
        "~ destination Shop / Hook",
        "    options.url: changed, not shown",
        "not in the file, stays: pixel Old of Shop",
        "0 to make, 2 to change, 2 as declared",
    ]


def test_programs_get_data(declared: Run) -> None:
    """The steps, what was made, and whether it was done."""
    planned, done = declared("--dry-run", "--json"), declared("--yes", "--json")
    assert (planned.code, planned.json["applied"], planned.json["made_pixels"]) == (6, False, {})
    assert done.json["applied"]
    assert list(done.json["made_pixels"]) == ["Shop / Mails"]
    assert [step["action"] for step in done.json["steps"]] == ["leave", "leave", "make", "make"]
    assert "url-secret" not in json.dumps(done.json)


def test_every_problem_of_file_and_catalog_is_told_at_once(declared: Run, ready: Run) -> None:
    """Exit code 2, a line each, and nothing is made."""
    text = FILE.replace('domain = "https://mail.example"', "gpc = 1").replace("HOOK_URL", "NO_SUCH")
    Path("shop.toml").write_text(text)
    ran = declared("--yes")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        'error: shop.toml:8: pixel "Mails": gpc: must be text',
        'error: shop.toml:12: destination "Hook": options.url: the variable NO_SUCH is not set',
        'error: shop.toml:8: pixel "Mails": domain: is required',
    ]
    assert len(ready("pixel", "list", "--json").json) == 1
    assert ready("apply", "no-such.toml").code == 2


@pytest.mark.parametrize(("answer", "code", "made"), [("y\n", 0, 1), ("n\n", 1, 0), ("", 1, 0)])
def test_it_asks_before_it_does_anything(
    declared: Run, ready: Run, answer: str, code: int, made: int
) -> None:
    """No answer is no."""
    ran = click.testing.CliRunner().invoke(group, ["apply", "shop.toml"], input=answer)
    assert ran.exit_code == code
    assert "Do this? [y/N]" in ran.output
    assert len(ready("destination", "list", "--json").json) == made


def test_colours_are_for_terminals(declared: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a pipe gets plain text."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in declared("--dry-run").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m+ pixel Shop / Mails" in declared("--dry-run").out
