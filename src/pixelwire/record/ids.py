"""Which message ids are stored already, in the segment that events go to; filters.py has the sealed ones.

Only ids given by clients are looked for; those of our own making are new by construction.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import apsw
import msgspec

from pixelwire.limits import DUPLICATE_WINDOW_MS, FILTER_BITS

_MASK: Final = FILTER_BITS - 1
assert FILTER_BITS & _MASK == 0
# Three overlapping cuts of the 63 random bits of a key.
_SECOND: Final = 20
_THIRD: Final = 40


class _Named(msgspec.Struct):
    message_id: str = msgspec.field(name="messageId")


_named: msgspec.json.Decoder[_Named] = msgspec.json.Decoder(_Named)


def message_id_of(payload: bytes) -> str:
    """The id inside a stored payload."""
    return _named.decode(payload).message_id


def key_bytes(key: int) -> bytes:
    return key.to_bytes(8, "big", signed=True)


def pack_keys(keys: list[int]) -> bytes:
    return struct.pack(f">{len(keys)}q", *keys)


def unpack_keys(blob: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(blob) // 8}q", blob)


def positions_in(blob: bytes, wanted: bytes) -> Iterator[int]:
    """Where a key stands among packed keys, last one first."""
    at = blob.rfind(wanted)
    while at >= 0:
        if at % 8 == 0:
            yield at // 8
        at = blob.rfind(wanted, 0, at + 7)


class OpenIds:
    """The client-given ids of a segment that still grows (or waits to be sealed)."""

    def __init__(self) -> None:
        self.seq_of_key: dict[int, int] = {}
        self.bits = bytearray(FILTER_BITS // 8)

    @classmethod
    def load(cls, connection: apsw.Connection) -> "OpenIds":
        ids = cls()
        for first_seq, keys in connection.execute("SELECT first_seq, keys FROM id_batch ORDER BY first_seq"):
            ids.add((key, first_seq + n) for n, key in enumerate(unpack_keys(keys)) if key < 0)
        return ids

    def add(self, keyed: Iterable[tuple[int, int]]) -> None:
        bits = self.bits
        seq_of_key = self.seq_of_key
        for key, seq in keyed:
            seq_of_key[key] = seq
            for at in (key & _MASK, key >> _SECOND & _MASK, key >> _THIRD & _MASK):
                bits[at >> 3] |= 1 << (at & 7)


def is_same(
    connection: apsw.Connection, seq: int, pixel: int, payload: bytes, age_ms: Callable[[int, int], int]
) -> bool:
    """Whether the event at `seq` is this pixel's, within the window, and has the payload's message id.
    `age_ms` tells the age of a seq that was received at a time."""
    row = connection.execute("SELECT pixel, received_ms, payload FROM event WHERE seq = ?", (seq,)).get
    if row is None or row[0] != pixel or age_ms(seq, row[1]) > DUPLICATE_WINDOW_MS:
        return False
    return message_id_of(row[2]) == message_id_of(payload)
