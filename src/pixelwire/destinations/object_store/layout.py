"""Which file an event belongs to and what it is called. Pure: the same events have the same names, always.

A name holds the seq of the first event in the file (and the replay, if one sends it): after a crash the same
event asks for the same name again, and finds what is there.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.destinations.base import Item

RUDDERSTACK_FOLDER: Final = "rudder-logs"
SEQ_DIGITS: Final = 20  # so that names sort as the events do, whatever 64 bits hold

_DATES: Final = {"YYYY-MM-DD": "%Y-%m-%d", "MM-DD-YYYY": "%m-%d-%Y"}
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Layout(NamedTuple):
    """How keys are made."""

    name: Literal["rudderstack", "hive"]
    date_format: Literal["YYYY-MM-DD", "MM-DD-YYYY"] = "YYYY-MM-DD"


class Group(NamedTuple):
    """Items of one pixel, of one day or hour, and of one replay or none: one file."""

    folder: str
    items: Sequence[Item]


def grouped(items: Sequence[Item], layout: Layout) -> list[Group]:
    """The items by the file they belong to, in their order; files in the order of their first items."""
    span_ms = HOUR_MS if layout.name == "hive" else DAY_MS
    groups: dict[tuple[str, int, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.pixel_id, item.received_ms // span_ms, item.replay), []).append(item)
    return [Group(_folder(members[0], layout), members) for members in groups.values()]


def key(folder: str, first: Item, layout: Layout, suffix: str, turn: int = 0) -> str:
    """The name of the file that begins with an item.

    `turn` counts the files of that name that are somebody else's: of another server, or of a history of
    this one that a restored backup has replaced.
    """
    seq = f"{first.seq:0{SEQ_DIGITS}d}"
    parts = [
        part for part in (_part(first.replay) if first.replay else "", str(turn) if turn else "") if part
    ]
    if layout.name == "hive":
        name = "-".join([f"{first.received_ms:013d}", seq, *parts])
    else:
        name = ".".join([str(first.received_ms // 1_000), _part(first.pixel_id), "-".join([seq, *parts])])
    return f"{folder}/{name}{suffix}"


def _folder(item: Item, layout: Layout) -> str:
    pixel, at = _part(item.pixel_id), datetime.fromtimestamp(item.received_ms // 1_000, UTC)
    if layout.name == "hive":
        return f"pixel={pixel}/date={at:%Y-%m-%d}/hour={at:%H}"
    return f"{RUDDERSTACK_FOLDER}/{pixel}/{at.strftime(_DATES[layout.date_format])}"


def _part(text: str) -> str:
    """A text as one part of a key: as it is if every store takes it so."""
    if _SAFE.fullmatch(text):
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
