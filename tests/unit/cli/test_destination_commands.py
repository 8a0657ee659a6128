"""Commands around destinations: options from everywhere, secrets nowhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.store import Catalog
from pixelwire.destinations import registry

Run = Callable[..., Any]
URL = "url=https://hooks.example/in?key=url-secret"


def kept(tmp_path: Path) -> dict[str, Any]:
    catalog = Catalog.open(tmp_path / "data")
    try:
        (found,) = catalog.destinations()
        return found.options
    finally:
        catalog.close()


def test_kinds_and_their_options_are_shown(run: Run) -> None:
    """With the type and the meaning of each option."""
    kinds = [row["kind"] for row in run("destination", "kinds", "--json").json]
    assert set(registry.built_in_kinds()) <= set(kinds)
    options = {row["option"]: row for row in run("destination", "kinds", "webhook", "--json").json}
    assert options["url"]["default"] == "required"
    assert options["timeout_s"]["type"] == "number, 0.1 to 300"
    assert all(row["meaning"] for row in options.values())
    assert run("destination", "kinds", "telegraph").code == 2


def test_options_come_from_file_pairs_variables_and_files(
    ready: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later wins, each in the type its option wants."""
    Path("hook.toml").write_text('url = "https://a.example"\nconcurrency = 2\n[headers]\nA = "1"\n')
    Path("key").write_text("header-secret\n")
    monkeypatch.setenv("HOOK_SECRET", "1234567890123456")
    ran = ready(
        *("destination", "create", "webhook", "Hook", "--options", "hook.toml"),
        *("--option", URL, "--option", "timeout_s=5", "--option", "allow_private_addresses=true"),
        *("--option-env", "signing_secret=HOOK_SECRET", "--option-file", "headers.X-Key=key"),
    )
    assert ran.code == 0
    assert kept(tmp_path) == {
        "url": "https://hooks.example/in?key=url-secret",
        "concurrency": 2,
        "timeout_s": 5.0,
        "allow_private_addresses": True,
        "signing_secret": "1234567890123456",
        "headers": {"A": "1", "X-Key": "header-secret"},
    }


def test_secrets_are_never_shown(ready: Run) -> None:
    """Neither when it is made nor later, neither to people nor to programs."""
    secrets = ("--option", URL, "--option", "signing_secret=0123456789abcdef")
    outputs = [ready("destination", "create", "webhook", "Hook", *secrets)]
    for command in (["list"], ["show", "Hook"], ["set", "Hook", "--option", "timeout_s=3"]):
        outputs += [ready("destination", *command), ready("destination", *command, "--json")]
    assert [ran.code for ran in outputs] == [0] * len(outputs)
    assert [ran for ran in outputs if "0123456789abcdef" in ran.out or "url-secret" in ran.out] == []


def test_wrong_options_are_all_named_and_nothing_is_made(ready: Run) -> None:
    """Exit code 2, a line each."""
    ran = ready(
        "destination", "create", "webhook", "Hook", "--option", "urll=x", "--option", "timeout_s=soon"
    )
    assert ran.code == 2
    assert [line.split(":")[1].strip() for line in ran.err.splitlines()] == ["urll", "url", "timeout_s"]
    assert ready("destination", "list", "--json").json == []


@pytest.mark.parametrize(
    "given",
    [
        ("--option", "url"),
        ("--option-env", "url=NO_SUCH_VARIABLE"),
        ("--option-file", "url=no-such-file"),
        ("--options", "no-such-file"),
        ("--option", "url=https://a.example", "--option", "url.b=1"),
    ],
)
def test_a_source_that_is_not_there_is_wrong_usage(ready: Run, given: tuple[str, ...]) -> None:
    """Said in one line."""
    ran = ready("destination", "create", "webhook", "Hook", *given)
    assert ran.code == 2
    assert ran.err.count("\n") == 1


def test_it_begins_with_the_events_to_come(ready: Run) -> None:
    """On a store without events that is the start."""
    made = ready("destination", "create", "webhook", "Hook", "--option", URL, "--json").json
    assert made["start_after"] == 0
    (listed,) = ready("destination", "list", "--json").json
    assert (listed["state"], listed["waiting"]) == ("new", 0)


def test_it_takes_the_pixels_it_is_given(ready: Run) -> None:
    """By name; without any it takes all."""
    pixel_id = ready("pixel", "show", "Front", "--json").json["id"]
    made = ready(
        "destination", "create", "webhook", "Hook", "--option", URL, "--pixel", "Front", "--json"
    ).json
    assert made["pixel_ids"] == [pixel_id]
    assert (
        ready("destination", "create", "webhook", "All", "--option", URL, "--json").json["pixel_ids"] is None
    )


def test_one_option_is_changed_and_the_others_stay(ready: Run, tmp_path: Path) -> None:
    """One header of several can be renewed."""
    given = ("--option", URL, "--option", "headers.A=1", "--option", "headers.B=2")
    ready("destination", "create", "webhook", "Hook", *given)
    ready("destination", "set", "Hook", "--option", "headers.B=3", "--name", "Other")
    assert kept(tmp_path)["headers"] == {"A": "1", "B": "3"}
    assert kept(tmp_path)["url"].startswith("https://hooks.example")
    assert ready("destination", "show", "Other").code == 0


def test_it_is_switched_resumed_and_deleted(ready: Run) -> None:
    """Deleting asks first."""
    ready("destination", "create", "webhook", "Hook", "--option", URL)
    assert ready("destination", "disable", "Hook").out == "Hook is disabled\n"
    assert ready("destination", "list", "--json").json[0]["state"] == "disabled"
    assert ready("destination", "resume", "Hook").out == "Hook is enabled\n"
    assert ready("destination", "enable", "Hook").code == 0
    assert ready("destination", "delete", "Hook", "--yes").code == 0
    assert ready("destination", "show", "Hook").code == 3


def test_checking_a_destination_that_nobody_answers_for_fails(ready: Run) -> None:
    """Exit code 1 with the reason; no event is sent."""
    ready("destination", "create", "webhook", "Hook", "--option", "url=http://127.0.0.1:9/")
    ran = ready("destination", "check", "Hook")
    assert ran.code != 0
    assert ran.err.startswith("error: ")


def test_a_test_that_is_not_sent_says_why(ready: Run) -> None:
    """By its exit code, the reason and what to do; a stored event needs its pixel."""
    ready("destination", "create", "webhook", "Hook", "--option", "url=http://127.0.0.1:9/?key=url-secret")
    ran = ready("destination", "test", "Hook")
    assert (ran.code, "private address" in ran.out, "url-secret" in ran.out) == (2, True, False)
    allowed = ("--option", "allow_private_addresses=true")
    assert ready("destination", "set", "Hook", *allowed).code == 0
    ran = ready("destination", "test", "Hook", "--pixel", "Front", "--json")
    assert (ran.code, ran.json["outcome"]) == (1, "unreachable")
    assert ready("destination", "test", "Hook", "--event", "m1").code == 3
    assert ready("destination", "test", "None").code == 3
