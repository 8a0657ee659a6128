"""The machine-readable cases of the wire contract, against the real ASGI app."""

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from support.pixels import WRITE_KEY, Visitor

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "pixel.json").read_text())["cases"]


def has(value: Any, expected: Any) -> bool:
    """Objects: every member expected is there; all else is equal."""
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            name in value and has(value[name], wanted) for name, wanted in expected.items()
        )
    return type(value) is type(expected) and bool(value == expected)


def filled(value: Any, unique: str) -> Any:
    text = json.dumps(value).replace("{write_key}", WRITE_KEY).replace("{unique}", unique)
    return json.loads(text)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    """The answer and the payload are what the contract's case says."""
    case = filled(case, uuid.uuid4().hex[:8])
    expected = case["expect"]
    visitor = Visitor()
    headers = {"Host": "pixel.example", **case["headers"]}

    reply = visitor.ask(f"/pixel/v1/{case['route']}", case["query"], headers=headers)

    assert reply.status == expected["status"]
    assert reply.outcome == (expected["outcome"], expected.get("reason"))
    assert reply.dropped == expected.get("dropped", 0)
    if "body" in expected:
        assert reply.body.decode() == expected["body"]
    if "body_base64" in expected:
        assert reply.body == base64.b64decode(expected["body_base64"])
    if expected["outcome"] != "stored":
        assert visitor.outbox.events == []
        return
    payload = visitor.payload
    assert has(payload, expected.get("payload_has", {}))
    for member, wanted in expected.get("payload_is", {}).items():
        assert payload[member] == wanted
    assert [member for member in expected.get("payload_lacks", []) if member in payload] == []


def test_there_are_cases() -> None:
    """An empty list of cases would pass everything."""
    assert len(CASES) >= 87
