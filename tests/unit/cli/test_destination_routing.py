"""Filters and transforms on the command line, and the dry run."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.event import Call
from support.events import make_event, record

Run = Callable[..., Any]
CREATE = ("destination", "create", "webhook", "Hook")
URL = ("--option", "url=https://hooks.example/in")
ROUTING = """
[filters]
calls = ["track"]

[[transforms]]
cast = { "properties.price" = "number" }

[[transforms]]
remove = ["context.ip"]
"""
DECLARED = ({"calls": ["track"]}, [{"cast": {"properties.price": "number"}}, {"remove": ["context.ip"]}])


def kept(tmp_path: Path) -> Destination:
    catalog = Catalog.open(tmp_path / "data")
    try:
        (found,) = catalog.destinations()
        return found
    finally:
        catalog.close()


def declared(tmp_path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = kept(tmp_path)
    return found.filters, found.transforms


def test_rules_come_from_the_file_of_options_or_from_one_of_their_own(ready: Run, tmp_path: Path) -> None:
    """TOML or JSON; options that stand beside them are kept as options."""
    Path("hook.toml").write_text('url = "https://hooks.example/in"\n' + ROUTING)
    assert ready(*CREATE, "--options", "hook.toml").code == 0
    assert declared(tmp_path) == DECLARED
    assert kept(tmp_path).options == {"url": "https://hooks.example/in"}
    Path("rules.json").write_text(json.dumps({"filters": {"signals": ["LEAD"]}}))
    ran = ready("destination", "set", "Hook", "--routing", "rules.json", "--json")
    assert (ran.json["filters"], ran.json["transforms"]) == ({"signals": ["LEAD"]}, [])
    Path("some.toml").write_text('timeout_s = 3\n[filters]\ncalls = ["page"]\n')
    assert ready("destination", "set", "Hook", "--options", "some.toml").code == 0
    assert ready("destination", "set", "Hook", "--name", "Renamed").code == 0
    assert declared(tmp_path) == ({"calls": ["page"]}, [])
    Path("none.toml").write_text("")
    assert ready("destination", "set", "Renamed", "--routing", "none.toml").code == 0
    assert declared(tmp_path) == ({}, [])


def test_wrong_rules_are_all_named_and_nothing_is_made(ready: Run) -> None:
    """Exit code 2, a line each."""
    Path("rules.toml").write_text('[filters]\ncall = ["page"]\n[[transforms]]\ndrop = ["a"]\n')
    ran = ready(*CREATE, *URL, "--routing", "rules.toml")
    assert ran.code == 2
    assert [line.split(": ")[1] for line in ran.err.splitlines()] == ["filters", "transform 1"]
    assert ready("destination", "list", "--json").json == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[filter]\n", "rules: filter is not known; there are filters and transforms"),
        ("[filters", "rules: is neither TOML nor JSON"),
        ('{"filters": }', "rules: is neither TOML nor JSON"),
    ],
)
def test_a_file_of_rules_that_makes_no_sense_is_named(ready: Run, text: str, said: str) -> None:
    """With the reason, in one line."""
    Path("rules").write_text(text)
    ran = ready(*CREATE, *URL, "--routing", "rules")
    assert ran.code == 2
    assert ran.err.startswith(f"error: {said}")
    assert len(ran.err.splitlines()) == 1
    assert ready(*CREATE, *URL, "--routing", "nowhere").code == 2


def test_rules_in_two_places_are_refused(ready: Run) -> None:
    """Nobody could say which count."""
    Path("hook.toml").write_text(ROUTING)
    ran = ready(*CREATE, *URL, "--options", "hook.toml", "--routing", "hook.toml")
    assert ran.code == 2
    assert "name them once" in ran.err


@pytest.fixture
def routed(ready: Run, tmp_path: Path) -> Run:
    """A destination with rules, a page and an order on disk."""
    Path("rules.toml").write_text(ROUTING)
    assert ready(*CREATE, *URL, "--routing", "rules.toml").code == 0
    order = {"properties": {"price": "9.50"}, "context": {"ip": "192.0.2.1"}}
    record(
        tmp_path / "data",
        [
            make_event(1, message_id="m1"),
            make_event(1, call=Call.TRACK, name="Order Completed", message_id="m2", payload=order),
        ],
    )
    return ready


def test_a_dry_run_shows_what_would_happen(routed: Run) -> None:
    """Why an event is left out, what each step changed, and the payload as it would be sent."""
    ran = routed("destination", "dry-run", "Hook")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "m1 page VIEW: filtered (call is page)",
        "  filters: call is page",
        "m2 track: sent",
        "  filters: passed",
        "  transform 1 (cast): passed",
        '    properties.price: "9.50" -> 9.5',
        "  transform 2 (remove): passed",
        '    context.ip: "192.0.2.1" -> -',
        "    context: - -> {}",
        '  payload: {"type": "track", "anonymousId": "a1", "messageId": "m2", "event": "Order Completed",'
        ' "properties": {"price": 9.5}, "context": {}}',
    ]
    assert ran.err == "1 sent, 1 filtered, 0 failed; nothing was sent\n"


def test_a_dry_run_for_programs(routed: Run) -> None:
    """The same as the API's, of one event, of the newest, of a payload, with other rules."""
    (one,) = routed("destination", "dry-run", "Hook", "--event", "m2", "--json").json["events"]
    assert (one["message_id"], one["outcome"], one["payload"]["properties"]) == ("m2", "sent", {"price": 9.5})
    (newest,) = routed("destination", "dry-run", "Hook", "--last", "1", "--pixel", "Front", "--json").json[
        "events"
    ]
    assert newest == one
    Path("other.json").write_text('{"transforms": [{"set": {"a": 1}}]}')
    (tried,) = routed(
        *("destination", "dry-run", "Hook", "--event", "m1", "--routing", "other.json", "--json")
    ).json["events"]
    assert (tried["outcome"], tried["payload"]["a"]) == ("sent", 1)


def test_a_payload_can_come_through_a_pipe(routed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON."""
    payload = b'{"type": "track", "event": "X", "properties": {"price": "much"}}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(payload)))
    ran = routed("destination", "dry-run", "Hook", "--payload", "-")
    assert "  transform 1 (cast): passed, 1 not cast" in ran.out.splitlines()
    assert ran.out.startswith("track: sent\n")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--event", "nowhere"), 3, "no pixel of the destination has a stored event of this id"),
        (("--event", "m1", "--last", "2"), 2, "give one of --event, --payload and --last"),
        (("--payload", "no.json"), 2, "no.json"),
        (("--payload", "rules.toml"), 2, "--payload: the payload is no JSON object that can be read"),
        (("--pixel", "Back"), 3, "there is no pixel 'Back'"),
        (("--routing", "no.toml"), 2, "no.toml: can not be read"),
        (("--last", "0"), 2, "--last"),
    ],
)
def test_what_can_not_be_tried_is_said(routed: Run, given: tuple[str, ...], code: int, said: str) -> None:
    """In one line, with the exit code of its kind."""
    ran = routed("destination", "dry-run", "Hook", *given)
    assert ran.code == code
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_dry_run_without_events_says_so(ready: Run) -> None:
    """It is no error."""
    assert ready(*CREATE, *URL).code == 0
    ran = ready("destination", "dry-run", "Hook")
    assert (ran.code, ran.out, ran.err) == (0, "", "no stored event of its pixels\n")
