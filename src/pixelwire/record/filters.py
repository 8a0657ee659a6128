"""What is remembered of sealed segments to know a client-given id that is stored in one: a small filter
each, in memory, and a look into the file only when a filter says perhaps. Knows no batch.

Costs two bytes for each client-given id of the duplicate window, and some 70 ns a filter for a new id.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire.limits import FILTER_BITS
from pixelwire.record.ids import key_bytes
from pixelwire.record.segments import Storage, open_for_reading, segment_path

BITS_PER_ID: Final = 16  # with three probes: under 1 false perhaps in 200
BITS_MIN: Final = 1 << 13
CONNECTIONS_MAX: Final = 16
# Three overlapping cuts of the 63 random bits of a key.
SECOND: Final = 20
THIRD: Final = 40


class Filter(NamedTuple):
    bits: bytes
    number: int  # of the segment
    newest_ms: int


def shrunk(bits: bytearray, count: int) -> bytes:
    """A filter of `count` ids without the room it did not need; empty for none.

    Positions are the lower bits of a key's cuts, so the two halves of a filter can be laid over each other.
    """
    if not count:
        return b""
    size = len(bits) * 8
    folded = int.from_bytes(bits, "little")
    while size > BITS_MIN and size // 2 >= count * BITS_PER_ID:
        size //= 2
        folded = (folded | folded >> size) & ((1 << size) - 1)
    return folded.to_bytes(size // 8, "little")


class SealedFilters:
    """Belongs to one thread."""

    def __init__(self, data_dir: Path, storage: Storage) -> None:
        self._data_dir = data_dir
        self._storage = storage
        self.in_use = 0
        self._by_mask: dict[int, list[Filter]] = {}
        self._connections: OrderedDict[int, apsw.Connection] = OrderedDict()

    def add(self, number: int, bits: bytes, newest_ms: int) -> None:
        """Remembers a sealed segment; one without client-given ids needs no remembering."""
        if bits:
            assert len(bits) * 8 <= FILTER_BITS
            self._by_mask.setdefault(len(bits) * 8 - 1, []).append(Filter(bits, number, newest_ms))

    def remove(self, number: int) -> None:
        self._keep(lambda known: known.number != number)

    def forget_before(self, before_ms: int) -> None:
        """Segments whose newest event is older are out of the duplicate window."""
        self._keep(lambda known: known.newest_ms >= before_ms)

    def find(self, key: int) -> Iterator[tuple[apsw.Connection, int]]:
        """Where a key may be stored: (connection, seq); almost always nowhere, without a look at a disk.
        `in_use` is the segment of what was found last: the damaged one when it can not be read."""
        for mask, filters in self._by_mask.items():
            first, second, third = key & mask, key >> SECOND & mask, key >> THIRD & mask
            a, b, c = first >> 3, second >> 3, third >> 3
            in_a, in_b, in_c = 1 << (first & 7), 1 << (second & 7), 1 << (third & 7)
            for number in [
                known.number
                for known in filters
                if (bits := known[0])[a] & in_a and bits[b] & in_b and bits[c] & in_c
            ]:
                self.in_use = number
                yield from self._look(number, key)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _keep(self, is_kept: Callable[[Filter], bool]) -> None:
        for filters in self._by_mask.values():
            for gone in [known for known in filters if not is_kept(known)]:
                filters.remove(gone)
                connection = self._connections.pop(gone.number, None)
                if connection is not None:
                    connection.close()

    def _look(self, number: int, key: int) -> list[tuple[apsw.Connection, int]]:
        connection = self._connections.pop(number, None)
        if connection is None:
            path = segment_path(self._data_dir, number)
            try:
                connection = open_for_reading(path, self._storage)
            except apsw.CantOpenError:
                if path.exists():
                    raise
                return []  # retention has just removed it
            while len(self._connections) >= CONNECTIONS_MAX:
                self._connections.popitem(last=False)[1].close()
        self._connections[number] = connection
        rows = connection.execute("SELECT seq FROM id WHERE key = ? ORDER BY seq DESC", (key_bytes(key),))
        return [(connection, seq) for (seq,) in rows]
