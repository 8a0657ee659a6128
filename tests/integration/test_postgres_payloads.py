"""Any payload becomes rows that the real server takes, and nothing of it is lost."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixelwire.destinations.postgres.texts import as_time
from pixelwire.event import Call
from support.pixels import WRITE_KEY, Visitor
from support.postgres import PostgresServer
from support.warehouse import Warehouse

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pixel.json").read_text())["cases"]

ODD_KEYS = [
    "", "id", "ID", "timestamp", "user_id", "event", "uuid_ts", "context_source_id", "rudder_id", "name",
    "ip", "xmin", "select", "_x", "x", "X", "a b", "a_b", "aB", "a.b", "7", "_7", "цена", "🛒", "a\0b",
    "\ud800", '"; drop', "x" * 70, "x" * 64, "%s", "\\", "tableoid",
]  # fmt: skip
MEMBERS = [
    "properties", "context", "traits", "userId", "anonymousId", "event", "name", "timestamp", "sentAt",
    "originalTimestamp", "receivedAt", "request_ip", "channel", "integrations", "type", "messageId",
    "rudderId",
]  # fmt: skip
keys = st.sampled_from(ODD_KEYS) | st.text(max_size=8)
texts = st.text(max_size=20) | st.sampled_from(
    [
        "\0",
        "a\0b",
        "\ud800",
        "2026-01-23T04:56:07.089Z",
        "2026-01-23",
        "9",
        "true",
        "x" * 9_000,
        "\\.",
        "\r\n\t",
    ]
)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    texts | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(MEMBERS) | keys, values, max_size=12)
flat = st.dictionaries(st.text(max_size=12) | keys, texts | numbers | st.booleans(), max_size=60)
events = st.sampled_from(["Order Completed", "tracks", "🛒", "x" * 90, '"', "select"]) | st.text(max_size=3)


@pytest.fixture(scope="module")
def warehouse(postgres: PostgresServer) -> Iterator[Warehouse]:
    """One for all examples: what one makes of the tables, the next has to live with, up to their bounds."""
    with Warehouse(postgres, columns_max=300, event_tables_max=40) as found:
        yield found


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=payloads, properties=flat, event=events, call=st.sampled_from(["page", "track"]))
def test_nothing_of_any_payload_is_lost(
    warehouse: Warehouse, payload: dict[str, Any], properties: dict[str, Any], event: str, call: str
) -> None:
    """Every value is in a column, or in the discards with its reason."""
    body = {"properties": properties, "event": event, **payload}
    assert lost(warehouse, body, call) == []


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_nothing_of_the_contracts_payloads_is_lost(warehouse: Warehouse, case: dict[str, Any]) -> None:
    """Those of the wire contract's cases, as the collector makes them."""
    case = json.loads(json.dumps(case).replace("{write_key}", WRITE_KEY).replace("{unique}", "u1"))
    visitor = Visitor()
    visitor.ask(f"/pixel/v1/{case['route']}", case["query"], headers={"Host": "h", **case["headers"]})
    for event in visitor.outbox.events:
        assert lost(warehouse, json.loads(event.payload), Call(event.call).word) == []


def lost(warehouse: Warehouse, payload: dict[str, Any], call: str) -> list[tuple[str, Any]]:
    """Sends it; the values, by path, that are neither in a column nor in the discards."""
    item = warehouse.item(call, json.dumps(payload).encode())
    warehouse.store(item)
    found = stored(warehouse, item.message_id)
    return [(path, value) for path, value in leaves(payload) if not any(same(value, one) for one in found)]


def stored(warehouse: Warehouse, message_id: str) -> list[Any]:
    """Every value that the database has of one event, whatever the column."""
    parts = [  # no column has a capital letter
        f'select to_jsonb("Row") as "J" from pixelwire."{table}" as "Row"'
        f" where {'row_id' if table == 'rudder_discards' else 'id'} = %(id)s"
        for table in warehouse.tables()
    ]
    query = f'select v.value from ({" union all ".join(parts)}) as t, jsonb_each("J") as v'
    return warehouse.ask(query, {"id": message_id})


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What there is to be lost: all but what is empty."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or (key, inner) not in [
                ("integrations", {"All": True}),
                ("type", "page"),
                ("type", "track"),
            ]:
                yield from leaves(inner, f"{path}.{key}")
    elif value not in (None, "", []):
        yield path, value


def same(value: Any, found: Any) -> bool:
    """Whether a value of the database is this value: itself, its JSON, or the same time."""
    if type(value) is type(found) and value == found:
        return True
    if isinstance(found, str):
        return is_json_of(value, found) or is_time_of(value, found)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (value, found)):
        return False
    return bool(value == found or (isinstance(value, float) and value == float(found)))


def is_json_of(value: Any, text: str) -> bool:
    try:
        return bool(json.loads(text) == value)
    except ValueError:
        return False


def is_time_of(value: Any, text: str) -> bool:
    time, found = as_time(value), as_time(text)
    return bool(time and found and datetime.fromisoformat(time) == datetime.fromisoformat(found))
