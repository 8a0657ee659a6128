"""An item as rows of RudderStack's warehouse shape: which column of which table each value belongs to. Pure.

A `page` is a row of `pages`. A `track` is one of `tracks`, without its properties, and one of its event's own
table, with them. Nested members are flattened. Knows no types of columns, no database.
"""

import json
from typing import Any, Final, NamedTuple

import msgspec

from pixelwire.destinations.base import Item
from pixelwire.destinations.postgres.naming import column_name, snake, table_name
from pixelwire.destinations.postgres.texts import as_text, as_time, is_storable
from pixelwire.limits import LEVELS_MAX
from pixelwire.times import iso_ms

TRACKS: Final = "tracks"
PAGES: Final = "pages"
ID: Final = "id"  # the message id
SOURCE: Final = "context_source_id"  # the pixel: RudderStack's column for where an event comes from
RECEIVED_AT: Final = "received_at"
WRITTEN_AT: Final = "uuid_ts"  # set when a row is written
ID_BYTES_MAX: Final = 2_000  # an index takes no key past 2,704 bytes
PATH_SHOWN_CHARACTERS_MAX: Final = 100

# Column -> the member it is.
_TEXTS: Final = {
    "anonymous_id": "anonymousId",
    "user_id": "userId",
    "channel": "channel",
    "rudder_id": "rudderId",
    "context_request_ip": "request_ip",
}
_TIMES: Final = {
    RECEIVED_AT: "receivedAt",
    "sent_at": "sentAt",
    "original_timestamp": "originalTimestamp",
    "timestamp": "timestamp",
}
TIME_COLUMNS: Final = (*_TIMES, WRITTEN_AT)
TEXT_COLUMNS: Final = (ID, SOURCE, *_TEXTS, "context_ip", "context_passed_ip")
EVENT_COLUMNS: Final = ("event", "event_text")  # of all tables but `pages`; texts too
# What no member but its own may set, also where an event lacks it: a property `user_id` is no user.
_OWN_COLUMNS: Final = frozenset({*TEXT_COLUMNS, *TIME_COLUMNS})
_OWN_COLUMNS_OF_TRACKS: Final = _OWN_COLUMNS | {*EVENT_COLUMNS}

Row = dict[str, Any]  # column -> str, int, float, bool, list, or an object that is nested too deep
Leaves = list[tuple[str, Any]]  # path, value


class Discard(NamedTuple):
    """A value that no column holds."""

    table: str
    column: str  # where it would have gone; "" when nowhere
    value: Any
    reason: str


class Shaped(NamedTuple):
    """One event as rows."""

    rows: dict[str, Row]  # by table; each has ID, SOURCE and RECEIVED_AT
    discards: list[Discard]


class Unshapeable(Exception):
    """No row can be made of an item, now or later."""


def shape(item: Item) -> Shaped:
    """The rows of an item. Unshapeable, with a reason, when there can be none."""
    if len(item.message_id.encode(errors="replace")) > ID_BYTES_MAX:
        raise Unshapeable(f"the message id is longer than {ID_BYTES_MAX:,} bytes")
    if not is_storable(item.message_id):
        raise Unshapeable("the message id has a character that PostgreSQL can not hold")
    payload, is_clean = _decode(item.payload)
    table = PAGES if item.call == "page" else TRACKS
    discards: list[Discard] = []
    row = _own_columns(item, payload, table, discards)
    rows = {table: row}
    context, properties = _taken(payload, "context"), _taken(payload, "properties")
    _place(row, table, _leaves(context, "context."), discards)
    if table == PAGES:
        _place(row, table, _leaves(properties), discards, "properties.")
    elif own_table := table_name(row.get("event_text", "")):
        own_row = rows[own_table] = dict(row)
        _place(own_row, own_table, _leaves(properties), discards, "properties.")
    else:
        nameless = "the event has no name to make a table of"
        discards += [
            Discard(table, column_name(path), value, nameless) for path, value in _leaves(properties)
        ]
    _leave_out_what_rows_say(item, payload)
    _place(row, table, _leaves(payload), discards)
    if not is_clean:
        _sweep(rows, discards)
    return Shaped(rows, discards)


def _decode(payload: bytes) -> tuple[dict[str, Any], bool]:
    """A payload's members, and whether every text in it can be stored."""
    try:
        members = msgspec.json.decode(payload)
        is_clean = b"\\u0000" not in payload
    except (
        msgspec.DecodeError,
        RecursionError,
    ):  # also valid JSON: half a character, a number past all range
        members, is_clean = _decode_oddity(payload), False
    if not isinstance(members, dict):
        raise Unshapeable("the payload is not a JSON object")
    return members, is_clean


def _decode_oddity(payload: bytes) -> Any:
    """Numbers that no float or 64-bit integer is stay the text they were."""

    def number(text: str) -> float | str:
        return text if abs(float(text)) == float("inf") else float(text)

    def whole_number(text: str) -> int | str:
        return int(text) if len(text) < 20 else text

    try:
        text = payload.decode()
        return json.loads(text, parse_float=number, parse_int=whole_number, parse_constant=str)
    except RecursionError as exc:
        raise Unshapeable("the payload is nested too deep") from exc
    except ValueError as exc:
        raise Unshapeable("the payload is not JSON") from exc


def _own_columns(item: Item, payload: dict[str, Any], table: str, discards: list[Discard]) -> Row:
    """The columns that every event has. Takes what they hold out of the payload."""
    row: Row = {ID: item.message_id, SOURCE: item.pixel_id}
    for column, member in _TIMES.items():
        value = _scalar(payload, member)
        if value is not None:
            time = as_time(value)
            if time is None:
                discards.append(Discard(table, column, value, "it is not a time"))
            else:
                row[column] = time
    row.setdefault(RECEIVED_AT, iso_ms(item.received_ms))
    for column, member in _TEXTS.items():
        value = _scalar(payload, member)
        if value is not None:
            row[column] = as_text(value)
    context = payload.get("context")
    passed = _scalar(context, "ip") if isinstance(context, dict) else None
    if passed is not None:
        row["context_ip"] = row["context_passed_ip"] = as_text(passed)
    elif "context_request_ip" in row:
        row["context_ip"] = row["context_request_ip"]
    if table == TRACKS:
        event = _scalar(payload, "event")
        if event is not None:
            row["event_text"] = as_text(event)
            row["event"] = snake(row["event_text"])
    else:
        name = _scalar(payload, "name")
        if name is not None:
            row["name"] = name
    return row


def _scalar(members: dict[str, Any], name: str) -> Any:
    """Takes a member that a column can hold. None where there is none; an object stays and is flattened."""
    value = members.get(name)
    if isinstance(value, dict):
        return None
    members.pop(name, None)
    return None if value in ("", []) else value


def _taken(payload: dict[str, Any], member: str) -> dict[str, Any]:
    """Takes a member that is an object; anything else stays with the others."""
    value = payload.get(member)
    if not isinstance(value, dict):
        return {}
    del payload[member]
    return value


def _leave_out_what_rows_say(item: Item, payload: dict[str, Any]) -> None:
    """The call is the table, the message id a column, and `integrations` is the same in every pixel event."""
    for member, value in (
        ("type", item.call),
        ("messageId", item.message_id),
        ("integrations", {"All": True}),
    ):
        if payload.get(member) == value:
            del payload[member]


def _leaves(members: dict[str, Any], prefix: str = "", levels: int = LEVELS_MAX) -> Leaves:
    """Every value by its path, levels joined by a dot. What is empty is no value, as for RudderStack."""
    found: Leaves = []
    for key, value in members.items():
        if type(value) is dict and levels > 1:
            found += _leaves(value, f"{prefix}{key}.", levels - 1)
        elif value or value is False or value == 0:
            found.append((prefix + key, value))
    return found


def _place(row: Row, table: str, leaves: Leaves, discards: list[Discard], within: str = "") -> None:
    """Gives each value its column, unless the column is taken: what comes first, stays."""
    own_columns = _OWN_COLUMNS if table == PAGES else _OWN_COLUMNS_OF_TRACKS
    for path, value in leaves:
        column = column_name(path)
        if column and column not in row and column not in own_columns:
            row[column] = value
        elif not _is_same(row.get(column), value):
            shown = as_text(within + path)[:PATH_SHOWN_CHARACTERS_MAX]
            reason = "there is no column of such a name" if not column else "the column is another's"
            discards.append(Discard(table, column, value, f"{reason}: {shown!a}"))


def _is_same(held: Any, value: Any) -> bool:
    return type(held) is type(value) and bool(held == value)


def _sweep(rows: dict[str, Row], discards: list[Discard]) -> None:
    """Takes out what PostgreSQL can not hold."""
    for table, row in rows.items():
        odd = [column for column, value in row.items() if isinstance(value, str) and not is_storable(value)]
        for column in odd:
            reason = "it has U+0000 or half of a character, which PostgreSQL can not hold: shown as JSON"
            discards.append(Discard(table, column, row.pop(column), reason))
