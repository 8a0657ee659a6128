"""An item as rows of RudderStack's warehouse shape: which column of which table each value belongs to. Pure.

A `page` is a row of `pages`. A `track` is one of `tracks`, without its properties, and one of its event's own
table, with them. Nested members are flattened. Knows no types of columns, no database.
"""

import json
from typing import Any, Final, NamedTuple

import msgspec

from pixelwire.destinations.base import Item
from pixelwire.destinations.postgres.naming import column_name, snake, table_name
from pixelwire.destinations.postgres.texts import as_json, as_text, as_time, is_storable
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
DIGITS_MAX: Final = 4_000  # Python makes no number of more than 4,300 from a text

# Column -> the member it is.
_TEXTS: Final = (
    ("anonymous_id", "anonymousId"),
    ("user_id", "userId"),
    ("channel", "channel"),
    ("rudder_id", "rudderId"),
    ("context_request_ip", "request_ip"),
)
_TIMES: Final = (
    (RECEIVED_AT, "receivedAt"),
    ("sent_at", "sentAt"),
    ("original_timestamp", "originalTimestamp"),
    ("timestamp", "timestamp"),
)
TIME_COLUMNS: Final = (*(column for column, _ in _TIMES), WRITTEN_AT)
TEXT_COLUMNS: Final = (ID, SOURCE, *(column for column, _ in _TEXTS), "context_ip", "context_passed_ip")
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
    shaped = Shaped({}, [])
    row = shaped.rows[table] = _own_columns(item, payload, table, shaped.discards)
    sheet = _Sheet(table, row, shaped.discards)
    context, properties = _taken(payload, "context"), _taken(payload, "properties")
    sheet.place(context, "context.")
    if table == PAGES:
        sheet.place(properties, "", "properties.")
    elif own_table := table_name(row.get("event_text", "")):
        own_row = shaped.rows[own_table] = dict(row)
        _Sheet(own_table, own_row, shaped.discards).place(properties, "", "properties.")
    else:
        sheet.discard(properties, "", "the event has no name to make a table of")
    _leave_out_what_rows_say(item, payload)
    sheet.place(payload)
    if not is_clean:
        _sweep(shaped)
    return shaped


class _Sheet(NamedTuple):
    """A row that is being filled."""

    table: str
    row: Row
    discards: list[Discard]

    def place(self, members: dict[str, Any], prefix: str = "", within: str = "") -> None:
        """Gives each value below its column. What is empty is no value, as for RudderStack."""
        row = self.row
        own_columns = _OWN_COLUMNS if self.table == PAGES else _OWN_COLUMNS_OF_TRACKS
        for path, value in _leaves(members, prefix):
            column = column_name(path)
            if column and column not in row and column not in own_columns:
                row[column] = value
            elif not _is_same(row.get(column), value):
                reason = "the column is another's" if column else "there is no column of such a name"
                shown = f"{within}{path}"[:PATH_SHOWN_CHARACTERS_MAX]
                self.discards.append(Discard(self.table, column, value, f"{reason}: {shown!a}"))

    def discard(self, members: dict[str, Any], prefix: str, reason: str) -> None:
        for path, value in _leaves(members, prefix):
            self.discards.append(Discard(self.table, column_name(path), value, reason))


def _decode(payload: bytes) -> tuple[dict[str, Any], bool]:
    """A payload's members, and whether every text in it can be stored."""
    try:
        members = msgspec.json.decode(payload)
        is_clean = b"\\u0000" not in payload
    # Valid JSON may be refused too: half a character, a number past all range.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members, is_clean = _decode_oddity(payload), False
    if not isinstance(members, dict):
        raise Unshapeable("the payload is not a JSON object")
    return members, is_clean


def _decode_oddity(payload: bytes) -> Any:
    """Numbers that no float can be, or that have thousands of digits, stay the text they were."""

    def number(text: str) -> float | str:
        return text if abs(float(text)) == float("inf") else float(text)

    def whole_number(text: str) -> int | str:
        return int(text) if len(text) <= DIGITS_MAX else text

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
    for column, member in _TIMES:
        value = payload.pop(member, None)
        time = as_time(value)
        if time is not None:
            row[column] = time
        elif type(value) is dict:
            payload[member] = value  # flattened with the others
        elif not _is_empty(value):
            discards.append(Discard(table, column, value, "it is not a time"))
    if RECEIVED_AT not in row:
        row[RECEIVED_AT] = iso_ms(item.received_ms)
    for column, member in _TEXTS:
        _take_text(payload, member, row, column)
    context = payload.get("context")
    if type(context) is dict:
        _take_text(context, "ip", row, "context_passed_ip")
    address = row.get("context_passed_ip") or row.get("context_request_ip")
    if address:
        row["context_ip"] = address
    if table == TRACKS:
        _take_text(payload, "event", row, "event_text")
        if "event_text" in row:
            row["event"] = snake(row["event_text"])
    elif not _is_empty(name := payload.get("name")) and type(name) is not dict:
        row["name"] = payload.pop("name")
    return row


def _take_text(members: dict[str, Any], member: str, row: Row, column: str) -> None:
    """Moves a member to its column; an object stays, and is flattened with the others."""
    value = members.pop(member, None)
    if type(value) is str:
        if value:
            row[column] = value
    elif type(value) is dict:
        members[member] = value
    elif not _is_empty(value):
        row[column] = as_text(value)


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
    """Every value by its path, levels joined by a dot."""
    found: Leaves = []
    for key, value in members.items():
        if type(value) is dict and levels > 1:
            found += _leaves(value, f"{prefix}{key}.", levels - 1)
        elif value or not _is_empty(value):
            found.append((prefix + key, value))
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _is_same(held: Any, value: Any) -> bool:
    return type(held) is type(value) and bool(held == value)


def _sweep(shaped: Shaped) -> None:
    """Takes out what PostgreSQL can not hold. In arrays it is escaped: they are stored as that JSON."""
    for table, row in shaped.rows.items():
        for column, value in list(row.items()):
            if isinstance(value, list | dict):
                row[column] = as_json(value)
            elif isinstance(value, str) and not is_storable(value):
                reason = "it has U+0000 or half of a character, which PostgreSQL can not hold: shown as JSON"
                shaped.discards.append(Discard(table, column, row.pop(column), reason))
