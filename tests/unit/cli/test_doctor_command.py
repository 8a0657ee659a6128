"""The command `pixelwire doctor`: what it is given, and how it says what was found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def of(said: Any, check: str) -> dict[str, str]:
    return next(finding for finding in said["findings"] if finding["check"] == check)


def test_people_read_a_line_a_finding(ready: Run) -> None:
    """How bad it is, what, and below it what to do."""
    ran = ready("doctor")
    lines = ran.out.splitlines()
    assert any(line.startswith("ok        data directory  ") for line in lines)
    place = next(number for number, line in enumerate(lines) if line.startswith("warn      server"))
    assert lines[place + 1].strip() == "-> start it: `pixelwire serve`"
    assert ran.err == ""


def test_programs_get_json(ready: Run) -> None:
    """With the worst of it first."""
    said = ready("doctor", "--json").json
    assert said["worst"] in ("warn", "fail")
    assert set(of(said, "sync")) == {"check", "severity", "found", "do"}
    assert of(said, "pixel") == {
        "check": "pixel",
        "severity": "left out",
        "found": "no server runs on this data directory",
        "do": "",
    }


def test_a_failure_is_exit_code_1(ready: Run) -> None:
    """Here it is a directory that is not there."""
    ran = ready("doctor", "--data-dir", "none", "--json")
    assert ran.code == 1
    assert (ran.json["worst"], of(ran.json, "data directory")["severity"]) == ("fail", "fail")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_settings_that_are_not_valid_are_findings(run: Run, arguments: tuple[str, ...]) -> None:
    """Each of them, and nothing else can be looked at."""
    Path("pixelwire.toml").write_text('port = "x"\nworkers = 0\n')
    ran = run("doctor", *arguments)
    assert ran.code == 1
    assert ran.out.count("fail") == (3 if arguments else 2)
    assert "the settings must be right first" in ran.out


def test_a_damaged_quickstart_file_does_not_end_it(ready: Run) -> None:
    """The pixel needs a key then."""
    Path("data/quickstart.json").write_text("{}")
    assert of(ready("doctor", "--json").json, "data directory")["severity"] == "ok"


def test_a_token_file_that_can_not_be_read_is_wrong_usage(ready: Run) -> None:
    """It was asked for."""
    ran = ready("doctor", "--token-file", "none")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_what_it_finds_is_plain_text(ready: Run) -> None:
    """Nothing of it reaches the terminal as a command."""
    Path("data/server.json").write_text(
        json.dumps({"pixel_url": "http://x\x1b[2J", "manage_url": "http://y"})
    )
    assert "\x1b" not in ready("doctor").out
