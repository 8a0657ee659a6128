"""What is compared with the logs: the ledger and the events of a data directory. Reads only; works while the
server runs, and when it does not.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.errors import DataDirectoryError, NotFound
from pixelwire.record.ids import message_id_of
from pixelwire.record.reader import Reader
from pixelwire.record.spans import spans

PAGE: Final = 1_000

Ledger = dict[tuple[int, str, str], int]  # (hour, outcome, reason) -> requests


class Mark(NamedTuple):
    """What is looked at of a stored event."""

    message_id: str
    pixel: int
    received_ms: int
    seq: int


class Store(Protocol):
    """One side of the comparison: the whole server's, or one pixel's."""

    @property
    def pixel(self) -> int | None:
        """The number of the one pixel; None for the whole server."""

    def outcomes(self, first_hour: int, last_hour: int) -> Ledger:
        """Requests by hour, outcome and reason; `received` among the outcomes of the whole server."""

    def events(self, from_ms: int, to_ms: int) -> Iterator[Mark]:
        """The events received between two times."""

    def kept_from_ms(self) -> int:
        """What was received before may be past retention; 0 when everything is there."""

    def write_keys(self) -> Mapping[str, int]:
        """Write key -> number of its pixel."""


class DataDirectory:
    """The store in its files. Belongs to one thread."""

    def __init__(self, data_dir: Path, pixel_id: str | None = None) -> None:
        """DataDirectoryError when there is none, NotFound for a pixel that is not there."""
        if not data_dir.is_dir():
            raise DataDirectoryError(f"there is no data directory {data_dir}", hint="name it with --data-dir")
        self._data_dir = data_dir
        self._reader = Reader(data_dir)
        self._catalog = Snapshot(data_dir)
        self.pixel = None if pixel_id is None else self._number(pixel_id)

    def close(self) -> None:
        self._reader.close()
        self._catalog.close()

    def outcomes(self, first_hour: int, last_hour: int) -> Ledger:
        return self._reader.outcomes(self.pixel, first_hour, last_hour)

    def events(self, from_ms: int, to_ms: int) -> Iterator[Mark]:
        pixels = None if self.pixel is None else frozenset({self.pixel})
        for span in spans(self._data_dir, from_ms, to_ms):
            after = span.first - 1
            while after < span.last:
                page = self._reader.read(after, limit=PAGE, pixels=pixels)
                after = page.scanned_to
                for event in page.events:
                    if event.seq <= span.last and from_ms <= event.received_ms <= to_ms:
                        yield Mark(message_id_of(event.payload), event.pixel, event.received_ms, event.seq)
                if page.at_head:
                    break

    def kept_from_ms(self) -> int:
        if not self._reader.retention().removed_segments:
            return 0  # what is not there is damaged, or was taken away
        event = self._reader.get(self._reader.oldest())
        return 0 if event is None else event.received_ms

    def write_keys(self) -> Mapping[str, int]:
        return {key: entry.number for key, entry in self._catalog.keys().items()}

    def _number(self, pixel_id: str) -> int:
        entry = self._catalog.pixel(pixel_id)
        if entry is None:
            raise NotFound(f"there is no pixel {pixel_id}")
        return entry.number
