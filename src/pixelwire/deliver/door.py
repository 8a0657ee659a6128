"""A read-only connection to delivery.db that opens itself when first asked. Knows no table."""

from pathlib import Path
from typing import Any, Self

import apsw

from pixelwire.deliver.database import open_to_read, translated


class Door:
    """Belongs to one thread. Works before the courier ever ran: then nothing is known.

    DeliveryError when delivery.db can not be read, SchemaMismatch when it is newer than this program.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._connection: apsw.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = open_to_read(self._data_dir)
        if self._connection is None:
            return []
        with translated():
            return self._connection.execute(sql, values).fetchall()
