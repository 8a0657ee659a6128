"""Pixels: what a site embeds, with their settings. Knows nothing of what was collected."""

from typing import Any, Final
from uuid import uuid4

import msgspec

from pixelwire.catalog.checks import (
    ADDRESS_POLICIES,
    GPC_POLICIES,
    USER_AGENT_POLICIES,
    Checked,
    check_domain,
    check_event_rules,
    check_name,
    check_pixel_id,
    check_uuid,
    one_of,
)
from pixelwire.catalog.database import Row, reading, writing
from pixelwire.catalog.datasets import Datasets
from pixelwire.catalog.statements import load
from pixelwire.catalog.write_keys import WriteKeys
from pixelwire.errors import Conflict, InvalidFields, NotFound

_SQL: Final = load("pixels.sql")


class Pixel(msgspec.Struct, frozen=True):
    number: int
    id: str
    business_id: str
    integration_id: str
    dataset_id: str
    domain: str
    name: str
    is_enabled: bool
    event_rules: dict[str, str | None]
    address: str
    user_agent: str
    gpc: str
    details: dict[str, Any]
    created_ms: int
    updated_ms: int


class PixelChanges(msgspec.Struct, frozen=True):
    """What to change of a pixel; None leaves it as it is."""

    domain: str | None = None
    name: str | None = None
    is_enabled: bool | None = None
    event_rules: dict[str, str | None] | None = None
    address: str | None = None
    user_agent: str | None = None
    gpc: str | None = None


class Pixels(WriteKeys, Datasets):
    def create_pixel(
        self,
        business_id: str,
        domain: str,
        name: str,
        *,
        dataset_id: str | None = None,
        id: str | None = None,  # noqa: A002 - the contract's word for it
        new_dataset_id: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> Pixel:
        """A pixel with its first write key, and, without `dataset_id`, a dataset of its name.

        `id` and `new_dataset_id` are for a caller that wrote them down before the rows exist.
        InvalidFields; NotFound without the business; Conflict when the id or the name is in use.
        """
        checked = Checked()
        checked.take("domain", check_domain, domain)
        checked.take("name", check_name, name)
        pixel_id = checked.take("id", check_pixel_id, id or uuid4().hex)
        dataset = checked.take("dataset_id", check_uuid, dataset_id or new_dataset_id or str(uuid4()))
        checked.finish()
        now = self._clock.now_ms()
        with writing(self._connection):
            self.business(business_id)
            self._refuse_used_name(business_id, name)
            if self.has_pixel(pixel_id):
                raise Conflict(f"a pixel {pixel_id} exists already")
            if dataset_id is None:
                self._insert_dataset(dataset, business_id, name)
            elif not self._is_free_dataset(dataset, business_id):
                raise InvalidFields(["dataset_id: must be a dataset of this business that has no pixel yet"])
            kept = msgspec.json.encode(details or {}).decode()
            integration_id = str(uuid4())
            values = (pixel_id, business_id, integration_id, dataset, domain, name, kept, now, now)
            number = self._rows(_SQL["insert"], *values)[0][0]
            self._insert_write_key(number, pixel_id)
        return self.pixel(pixel_id)

    def pixel(self, pixel_id: str) -> Pixel:
        """NotFound when there is none."""
        row = self._row(_SQL["one"], pixel_id)
        if row is None:
            raise NotFound("there is no such pixel")
        return _pixel(row)

    def has_pixel(self, pixel_id: str) -> bool:
        return self._row(_SQL["one"], pixel_id) is not None

    def pixels(self, business_id: str, *, limit: int = -1, offset: int = 0) -> tuple[list[Pixel], int]:
        """Some of a business's pixels, oldest first, and how many it has in all."""
        with reading(self._connection):
            total = self._rows(_SQL["count"], business_id)[0][0]
            rows = self._rows(_SQL["page"], business_id, limit, offset)
        return [_pixel(row) for row in rows], total

    def change_pixel(self, pixel_id: str, changes: PixelChanges) -> Pixel:
        """InvalidFields; NotFound; Conflict when the business uses the name already."""
        wanted = {key: value for key, value in msgspec.structs.asdict(changes).items() if value is not None}
        _refuse_unfit(wanted)
        with writing(self._connection):
            before = self.pixel(pixel_id)
            after = msgspec.structs.replace(before, **wanted)
            if after.name != before.name:
                self._refuse_used_name(after.business_id, after.name)
            if wanted:
                self._write_pixel(after)
        return self.pixel(pixel_id)

    def _write_pixel(self, pixel: Pixel) -> None:
        rules = msgspec.json.encode(pixel.event_rules).decode()
        policies = (pixel.address, pixel.user_agent, pixel.gpc)
        values = (pixel.domain, pixel.name, int(pixel.is_enabled), rules, *policies)
        self._run(_SQL["update"], *values, self._clock.now_ms(), pixel.number)

    def _refuse_used_name(self, business_id: str, name: str) -> None:
        if self._row(_SQL["of_name"], business_id, name):
            raise Conflict(f"the business has a pixel named {name!r} already")


def _refuse_unfit(wanted: dict[str, Any]) -> None:
    checks: dict[str, Any] = {
        "domain": check_domain,
        "name": check_name,
        "event_rules": check_event_rules,
        "address": one_of(*ADDRESS_POLICIES),
        "user_agent": one_of(*USER_AGENT_POLICIES),
        "gpc": one_of(*GPC_POLICIES),
    }
    checked = Checked()
    for field, value in wanted.items():
        if field in checks:
            checked.take(field, checks[field], value)
    checked.finish()


def _pixel(row: Row) -> Pixel:
    return Pixel(
        number=row[0],
        id=row[1],
        business_id=row[2],
        integration_id=row[3],
        dataset_id=row[4],
        domain=row[5],
        name=row[6],
        is_enabled=bool(row[7]),
        event_rules=msgspec.json.decode(row[8]),
        address=row[9],
        user_agent=row[10],
        gpc=row[11],
        details=msgspec.json.decode(row[12]),
        created_ms=row[13],
        updated_ms=row[14],
    )
