"""Two businesses on one server, each with one of everything, and every call that the API's document names.

What belongs to the second is marked, so that a test can look for it in any answer.
"""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import StartReplay
from pixelwire.deliver.database import open_to_write
from support.asgi import Api
from support.events import make_event, record
from support.letters import insert_letter

MARK = "kept-from-others"
EVENTS = 2  # one of each
LETTER = 7_000_000_001  # a number that is nowhere else in an answer


class Tenant(NamedTuple):
    """One of everything that a business has: the values of the parameters of paths."""

    business_id: str
    pixel_id: str
    message_id: str
    key_id: str
    token_id: str
    dataset_id: str
    destination_id: str
    replay_id: str
    number: str  # of a dead letter

    @classmethod
    def nobody(cls) -> "Tenant":
        """Well-formed ids of what is not there."""
        ids = [str(uuid4()) for _ in range(6)]
        return cls(ids[0], uuid4().hex, f"{MARK}-nowhere", *ids[1:], str(LETTER + 2))


def make_tenant(catalog: Catalog, name: str) -> tuple[Tenant, int]:
    """With the number of its pixel, under which events are recorded."""
    business = catalog.create_business(name)
    pixel = catalog.create_pixel(business.id, f"https://{name}.example", f"{name} pixel")
    key = catalog.create_write_key(pixel.id, f"{name}-write-key")
    token = catalog.create_token(f"{name} token", business.id, "read")
    # A private address: refused before anything is looked up or sent.
    hook = {"url": f"http://127.0.0.1:9/hook?key={name}-secret", "headers": {"X-Key": f"{name}-secret"}}
    # Beyond every event: nothing waits for it, so that it can be deleted.
    destination = catalog.create_destination(
        business.id, "webhook", f"{name} hook", hook, [pixel.id], start_after=EVENTS
    )
    replay = catalog.give_order(destination.id, StartReplay(0, 1, 1, EVENTS, ""))
    ids = (business.id, pixel.id, f"{name}-message", key.id, token.id, pixel.dataset_id, destination.id)
    return Tenant(*ids, replay.id, str(LETTER + pixel.number % 2)), pixel.number


def bury(data_dir: Path, tenant: Tenant) -> None:
    """Gives its destination a dead letter."""
    connection = open_to_write(data_dir)
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)"
        " VALUES (?, '', ?, ?, 'running', 0, 1)",
        (tenant.destination_id, EVENTS, EVENTS),
    )
    place, payload = connection.last_insert_rowid(), b'{"title":"%s"}' % tenant.message_id.encode()
    insert_letter(connection, place, 1, reason=tenant.message_id, payload=payload, number=int(tenant.number))
    connection.close()


class Call(NamedTuple):
    """One operation of the API, and where it is."""

    method: str
    path: str  # with parameters in braces
    operation: str
    parameters: tuple[str, ...]  # of the path
    has_body: bool
    is_open: bool  # needs no token


class Tenants(Api):
    """Business A (`own`) and business B (`other`), with events on disk."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.own, own_number = make_tenant(self.catalog, "own")
        self.other, other_number = make_tenant(self.catalog, MARK)
        self.nobody = Tenant.nobody()
        record(
            data_dir,
            [
                make_event(own_number, message_id=self.own.message_id),
                make_event(other_number, message_id=self.other.message_id, payload={"title": MARK}),
            ],
        )

        for tenant in (self.own, self.other):
            bury(data_dir, tenant)

    def calls(self) -> list[Call]:
        """Every one in `/openapi.json`."""
        document = self.get("/openapi.json").json()
        return [
            Call(
                method.upper(),
                path,
                operation["operationId"],
                tuple(entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "path"),
                "requestBody" in operation,
                not operation.get("security"),
            )
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]

    def secrets(self) -> set[str]:
        """What of the other business may be in no answer."""
        return {MARK, *self.other}

    def rows(self) -> list[Any]:
        """Everything in the catalog."""
        connection = self.catalog._connection
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [
            (table, sorted(map(repr, connection.execute(f'SELECT * FROM "{table}"'))))
            for (table,) in tables.fetchall()
        ]


def mixtures(call: Call, own: Tenant, foreign: Tenant) -> Iterator[dict[str, str]]:
    """Values for the parameters of a path: each of ours or theirs, at least one of theirs."""
    for whose in product((own, foreign), repeat=len(call.parameters)):
        if foreign in whose:
            yield {name: getattr(tenant, name) for name, tenant in zip(call.parameters, whose, strict=True)}


def anonymised(body: bytes, tenant: Tenant) -> str:
    """An answer without what differs between two errors: its trace, and the ids that were asked for."""
    text = body.decode()
    if text.startswith('{"sp_trace_id"'):
        text = json.dumps({**json.loads(text), "sp_trace_id": ""})
    for name, value in tenant._asdict().items():
        text = text.replace(value, name)
    return text
