"""Businesses: the tenants. Knows nothing of what they own."""

from typing import Any, Final
from uuid import uuid4

import apsw
import msgspec

from pixelwire.catalog.checks import BUSINESS_TYPES, Checked, check_name, check_uuid, one_of
from pixelwire.catalog.database import Database, Row, writing
from pixelwire.catalog.statements import load
from pixelwire.clock import Clock
from pixelwire.errors import Conflict, NotFound

_SQL: Final = load("businesses.sql")


class Business(msgspec.Struct, frozen=True):
    id: str
    name: str
    type: str
    status: str
    details: dict[str, Any]
    created_ms: int
    updated_ms: int


class Businesses(Database):
    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        super().__init__(connection)
        self._clock = clock

    def create_business(
        self,
        name: str,
        type: str = "ADVERTISER",  # noqa: A002 - the contract's word for it
        *,
        id: str | None = None,  # noqa: A002 - the contract's word for it
        details: dict[str, Any] | None = None,
    ) -> Business:
        """InvalidFields; Conflict when the id is in use."""
        checked = Checked()
        checked.take("name", check_name, name)
        checked.take("type", one_of(*BUSINESS_TYPES), type)
        business_id = checked.take("id", check_uuid, id or str(uuid4()))
        checked.finish()
        now = self._clock.now_ms()
        with writing(self._connection):
            if self.has_business(business_id):
                raise Conflict(f"a business {business_id} exists already")
            kept = msgspec.json.encode(details or {}).decode()
            self._run(_SQL["insert"], business_id, name, type, kept, now, now)
        return self.business(business_id)

    def business(self, business_id: str) -> Business:
        """NotFound when there is none."""
        row = self._row(_SQL["one"], business_id)
        if row is None:
            raise NotFound("there is no such business")
        return _business(row)

    def has_business(self, business_id: str) -> bool:
        return self._row(_SQL["one"], business_id) is not None

    def businesses(self) -> list[Business]:
        """Oldest first."""
        return [_business(row) for row in self._rows(_SQL["all"])]

    def rename_business(self, business_id: str, name: str) -> Business:
        checked = Checked()
        checked.take("name", check_name, name)
        checked.finish()
        with writing(self._connection):
            if not self._run(_SQL["rename"], name, self._clock.now_ms(), business_id):
                raise NotFound("there is no such business")
        return self.business(business_id)


def _business(row: Row) -> Business:
    details: dict[str, Any] = msgspec.json.decode(row[4])
    return Business(row[0], row[1], row[2], row[3], details, row[5], row[6])
