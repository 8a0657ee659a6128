"""Destinations: where a business's events are sent. Knows no kind and no rule: options are checked by who
builds one, filters and transforms by who asks for them.

The options hold secrets (signing keys, passwords), so they are in no repr and in no log.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from pixelwire.catalog.businesses import Businesses
from pixelwire.catalog.checks import Checked, check_name, check_uuid
from pixelwire.catalog.database import Row, reading, writing
from pixelwire.catalog.statements import load
from pixelwire.errors import Conflict, InvalidFields, NotFound
from pixelwire.limits import DESTINATIONS_MAX

_SQL: Final = load("destinations.sql")


class Destination(msgspec.Struct, frozen=True):
    id: str
    business_id: str
    kind: str
    name: str
    options: dict[str, Any]
    filters: dict[str, Any]  # which events it gets; empty: all
    transforms: list[dict[str, Any]]  # in what shape; empty: as stored
    is_enabled: bool
    revision: int  # grows with every change
    start_after: int  # seq: events after this one are delivered
    pixel_ids: list[str] | None  # None: all pixels of the business
    created_ms: int
    updated_ms: int

    def __repr__(self) -> str:
        return (
            f"Destination(id={self.id!r}, kind={self.kind!r}, name={self.name!r}, revision={self.revision})"
        )


class Destinations(Businesses):
    def create_destination(
        self,
        business_id: str,
        kind: str,
        name: str,
        options: dict[str, Any],
        pixels: Sequence[str] | None = None,
        start_after: int = 0,
        *,
        id: str | None = None,  # noqa: A002 - the contract's word for it
        is_enabled: bool = True,
        filters: dict[str, Any] | None = None,
        transforms: list[dict[str, Any]] | None = None,
    ) -> Destination:
        """`pixels` are ids; None takes all of the business, those to come included.

        InvalidFields; NotFound without the business; Conflict when the business uses the name.
        """
        checked = Checked()
        checked.take("name", check_name, name)
        checked.take("kind", check_name, kind)
        destination_id = checked.take("id", check_uuid, id or str(uuid4()))
        checked.finish()
        now = self._clock.now_ms()
        with writing(self._connection):
            self.business(business_id)
            self._refuse_destination_name(business_id, name)
            if len(self._rows(_SQL["of_business"], business_id)) >= DESTINATIONS_MAX:
                raise Conflict(f"the business has {DESTINATIONS_MAX} destinations", hint="delete one first")
            values = (
                destination_id,
                business_id,
                kind,
                name,
                _kept(options),
                _kept(filters or {}),
                _kept(transforms or []),
                int(is_enabled),
                int(pixels is None),
                start_after,
                now,
                now,
            )
            self._run(_SQL["insert"], *values)
            self._choose_pixels(destination_id, business_id, pixels)
        return self.destination(destination_id)

    def destination(self, destination_id: str) -> Destination:
        """NotFound when there is none."""
        with reading(self._connection):
            row = self._row(_SQL["one"], destination_id)
            if row is None:
                raise NotFound("there is no such destination")
            return self._destination(row)

    def destinations(self, business_id: str | None = None) -> list[Destination]:
        """Oldest first; of one business, or all."""
        with reading(self._connection):
            rows = self._rows(_SQL["all"])
            return [self._destination(row) for row in rows if business_id in (None, row[1])]

    def change_destination(
        self,
        destination_id: str,
        *,
        name: str | None = None,
        options: dict[str, Any] | None = None,
        filters: dict[str, Any] | None = None,
        transforms: list[dict[str, Any]] | None = None,
        is_enabled: bool | None = None,
        pixels: Sequence[str] | msgspec.UnsetType | None = msgspec.UNSET,
        revision: int | None = None,
    ) -> Destination:
        """None (for `pixels` UNSET) leaves a thing as it is; the revision grows in any case, so that
        the courier looks again. Conflict when `revision` is given and another change came in between.
        """
        checked = Checked()
        if name is not None:
            checked.take("name", check_name, name)
        checked.finish()
        with writing(self._connection):
            row = self._row(_SQL["one"], destination_id)
            if row is None:
                raise NotFound("there is no such destination")
            if revision not in (None, row[9]):
                raise Conflict("the destination was changed at the same time", hint="read it and try again")
            if name not in (None, row[3]):
                self._refuse_destination_name(row[1], str(name))
            declared = [
                old if new is None else _kept(new)
                for old, new in zip(row[4:7], (options, filters, transforms), strict=True)
            ]
            enabled = row[7] if is_enabled is None else int(is_enabled)
            now = self._clock.now_ms()
            self._run(_SQL["update"], name or row[3], *declared, enabled, now, destination_id)
            if not isinstance(pixels, msgspec.UnsetType):
                self._choose_pixels(destination_id, row[1], pixels)
        return self.destination(destination_id)

    def resume_destination(self, destination_id: str) -> Destination:
        """Switches it on and tells the courier to try again what it paused."""
        return self.change_destination(destination_id, is_enabled=True)

    def delete_destination(self, destination_id: str) -> None:
        with writing(self._connection):
            if not self._run(_SQL["delete"], destination_id):
                raise NotFound("there is no such destination")

    def _refuse_destination_name(self, business_id: str, name: str) -> None:
        if self._row(_SQL["of_name"], business_id, name):
            raise Conflict(f"the business has a destination named {name!r} already")

    def _choose_pixels(self, destination_id: str, business_id: str, pixels: Sequence[str] | None) -> None:
        wanted = pixels or ()
        foreign = [pixel for pixel in wanted if not self._row(_SQL["business_has_pixel"], pixel, business_id)]
        if foreign:
            raise InvalidFields([f"pixel_ids: the business has no pixel {pixel}" for pixel in foreign])
        self._run(_SQL["take"], int(pixels is None), destination_id)
        self._run(_SQL["forget_choice"], destination_id)
        self._run_many(_SQL["choose"], [(destination_id, pixel, business_id) for pixel in wanted])

    def _destination(self, row: Row) -> Destination:
        return Destination(
            id=row[0],
            business_id=row[1],
            kind=row[2],
            name=row[3],
            options=msgspec.json.decode(row[4]),
            filters=msgspec.json.decode(row[5]),
            transforms=msgspec.json.decode(row[6]),
            is_enabled=bool(row[7]),
            revision=row[9],
            start_after=row[10],
            pixel_ids=None if row[8] else [pixel[0] for pixel in self._rows(_SQL["chosen"], row[0])],
            created_ms=row[11],
            updated_ms=row[12],
        )


def _kept(declared: dict[str, Any] | list[dict[str, Any]]) -> str:
    return msgspec.json.encode(declared).decode()
