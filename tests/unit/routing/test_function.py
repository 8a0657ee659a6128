"""Transforms written in Python, installed as a package of their own."""

import json
from pathlib import Path

import pytest

from pixelwire.errors import InvalidFields, Misconfigured
from pixelwire.routing.route import Failed, Filtered, Routed, parse_route
from support.routes import install_transforms, stored

SOURCE = """
import sys


def enriched(payload, event):
    payload["facts"] = [event.call, event.signal, event.message_id, event.identity, event.seq]
    return payload


def choosy(payload, event):
    return None


def renewed(payload, event):
    return {"messageId": "another", "name": payload["event"]}


def broken(payload, event):
    return int(payload["mail"])


def leaving(payload, event):
    sys.exit(3)


def wrong(payload, event):
    return [1]


def odd(payload, event):
    payload["self"] = payload
    return payload


async def later(payload, event):
    return payload
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_transforms(tmp_path, monkeypatch, f"shop_{tmp_path.name}", SOURCE)


def test_a_function_makes_the_payload() -> None:
    """It is told what else is known of the event; transforms before and after it go on."""
    transforms = [{"set": {"a": "1"}}, {"function": "enriched"}, {"cast": {"a": "number"}}]
    result = parse_route(None, transforms).apply(stored())
    assert isinstance(result, Routed)
    sent = json.loads(result.payload)
    assert (sent["a"], sent["facts"]) == (1, ["track", "", "m1", "a1", 7])


def test_a_function_can_leave_an_event_out() -> None:
    """By returning None."""
    result = parse_route(None, [{"function": "choosy"}]).apply(stored())
    assert result == Filtered("left out by the function `choosy`")


def test_the_id_and_the_type_are_put_back() -> None:
    """A function may build a payload of its own, but a repeat must be known as one."""
    result = parse_route(None, [{"function": "renewed"}]).apply(stored())
    assert isinstance(result, Routed)
    assert json.loads(result.payload) == {"messageId": "m1", "name": "Order Completed", "type": "track"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken", "the function `broken` raised ValueError in line 19 of "),
        ("leaving", "the function `leaving` raised SystemExit in line 23 of "),
        ("wrong", "the function `wrong` returned list; it returns a dict, or None"),
        ("odd", "the function `odd` returned what JSON can not hold"),
        ("later", "the function `later` (shop_"),
        ("absent", "the function `absent` (shop_"),
    ],
)
def test_a_fault_of_a_function_is_a_failure_of_its_event(name: str, reason: str) -> None:
    """It ends nothing else, and the reason holds nothing of the event."""
    result = parse_route(None, [{"function": name}]).apply(stored({"mail": "ann@example.com"}))
    assert isinstance(result, Failed)
    assert result.reason.startswith(reason)
    assert "ann@example.com" not in result.reason


def test_a_function_that_can_not_be_loaded_is_told_before_the_first_event() -> None:
    """Declaring it does not load it; `load` does, and says what its owner must do."""
    route = parse_route(None, [{"remove": ["a"]}, {"function": "absent"}])
    with pytest.raises(Misconfigured, match=r"can not be loaded: ModuleNotFoundError.*mend or install"):
        route.load()
    with pytest.raises(Misconfigured, match="no plain function"):
        parse_route(None, [{"function": "later"}]).load()
    parse_route(None, [{"function": "enriched"}]).load()


def test_a_function_that_is_not_there_is_a_problem() -> None:
    """With the nearest there is."""
    with pytest.raises(InvalidFields, match=r"`enrich` is not known; did you mean `enriched`\?"):
        parse_route(None, [{"function": "enrich"}])
