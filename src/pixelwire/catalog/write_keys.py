"""Write keys: the names under which a pixel collects. Knows a pixel's number, not its settings."""

from typing import Final
from uuid import uuid4

import msgspec

from pixelwire.catalog.businesses import Businesses
from pixelwire.catalog.checks import Checked, check_write_key
from pixelwire.catalog.database import Row, writing
from pixelwire.catalog.statements import load
from pixelwire.errors import Conflict, NotFound

_SQL: Final = load("write_keys.sql")


class WriteKey(msgspec.Struct, frozen=True):
    id: str
    pixel_id: str
    key: str
    is_enabled: bool
    created_ms: int

    @property
    def is_own(self) -> bool:
        """Whether this is the pixel's id: it can be switched off, never deleted."""
        return self.key == self.pixel_id


class WriteKeys(Businesses):
    def create_write_key(self, pixel_id: str, key: str | None = None) -> WriteKey:
        """A further key: a new one, or one that is out in tags already.

        InvalidFields; NotFound without the pixel; Conflict when any pixel of the server has the key.
        """
        checked = Checked()
        wanted = checked.take("key", check_write_key, uuid4().hex if key is None else key)
        checked.finish()
        with writing(self._connection):
            row = self._row(_SQL["pixel_number"], pixel_id)
            if row is None:
                raise NotFound("there is no such pixel")
            key_id = self._insert_write_key(row[0], wanted)
        return self.write_key(pixel_id, key_id)

    def write_keys(self, pixel_id: str) -> list[WriteKey]:
        """The pixel's own id first."""
        return [_write_key(row) for row in self._rows(_SQL["all"], pixel_id)]

    def write_key(self, pixel_id: str, key_id: str) -> WriteKey:
        """NotFound when the pixel has none of this id."""
        row = self._row(_SQL["one"], key_id, pixel_id)
        if row is None:
            raise NotFound("the pixel has no such write key")
        return _write_key(row)

    def switch_write_key(self, pixel_id: str, key_id: str, *, is_enabled: bool) -> WriteKey:
        with writing(self._connection):
            self.write_key(pixel_id, key_id)
            self._run(_SQL["switch"], int(is_enabled), key_id)
        return self.write_key(pixel_id, key_id)

    def delete_write_key(self, pixel_id: str, key_id: str) -> None:
        """Conflict for the pixel's own id."""
        with writing(self._connection):
            if self.write_key(pixel_id, key_id).is_own:
                raise Conflict("the pixel's own id can not be deleted", hint="switch it off instead")
            self._run(_SQL["delete"], key_id)

    def _insert_write_key(self, pixel_number: int, key: str) -> str:
        if self._row(_SQL["is_used"], key):
            raise Conflict("a pixel of this server has this write key already")
        key_id = str(uuid4())
        self._run(_SQL["insert"], key_id, pixel_number, key, self._clock.now_ms())
        return key_id


def _write_key(row: Row) -> WriteKey:
    return WriteKey(row[0], row[1], row[2], bool(row[3]), row[4])
