"""nginx: the format `combined` (Apache's is the same), and the same with `name=value` added at its end.

The fields that are read, all optional (examples/nginx-access-log.conf has them):

    msec=$msec                                         when, to the millisecond
    request_time=$request_time                         how long it took, in seconds
    upstream_status="$upstream_status"                 the status of each try
    outcome="$upstream_http_x_pixelwire_outcome"       what became of it
    reason="$upstream_http_x_pixelwire_reason"
    message_id="$upstream_http_x_pixelwire_message_id"
    write_key="$arg_writekey"                          of which pixel, where the query is left out
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from pixelwire.reconcile.entry import Logged

_TEXT: Final = r'"([^"\\]*(?:\\.[^"\\]*)*)"'  # a backslash takes the next character with it
_LINE: Final = re.compile(
    rf'[^"]*?\[(\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})\] {_TEXT} (\d{{3}}) (?:\d+|-)'
    rf"(?: {_TEXT} {_TEXT})?(.*)"
)
_FIELD: Final = re.compile(rf" (\w+)=(?:{_TEXT}|(\S*))")
_ESCAPED: Final = re.compile(r"\\x([0-9A-Fa-f]{2})")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEPARATOR: Final = re.compile(r" ?[,:] ?")
_NONE: Final = "-"  # what nginx writes for an empty variable


def read(line: bytes) -> Logged | None:
    """What a line tells; None when it is no line of this format."""
    matched = _LINE.fullmatch(line.decode("latin-1").rstrip("\r\n"))
    if matched is None:
        return None
    time, request, status, _, _, rest = matched.groups()
    fields = {name: quoted or bare for name, quoted, bare in _FIELD.findall(rest)} if rest else {}
    try:
        exact = fields.get("msec", _NONE)
        ended_ms = round(float(exact) * 1_000) if exact != _NONE else _second(time) * 1_000
        took = fields.get("request_time", _NONE)
        took_ms = round(float(took) * 1_000) if took != _NONE else None
    except (ValueError, OverflowError):
        return None
    method, _, target = request.partition(" ")
    write_key = fields.get("write_key")
    return Logged(
        ended_ms=ended_ms,
        ended_exact_ms=0 if exact != _NONE else 999,
        took_ms=took_ms,
        method=method,
        target=_unescaped(target.rpartition(" ")[0] or target),
        status=int(status),
        outcome=_value(fields["outcome"]) if "outcome" in fields else None,
        reason=_value(fields.get("reason", "")),
        message_id=_value(fields.get("message_id", "")),
        write_key=None if write_key is None else unquote(_unescaped(_value(write_key))),
        tries=tuple(_SEPARATOR.split(fields["upstream_status"])) if "upstream_status" in fields else None,
    )


@lru_cache(64)
def _second(text: str) -> int:
    """`10/Oct/2026:13:55:36 -0700` as seconds since 1970. ValueError when there is no such time."""
    day, month, year, zone = text[:2], text[3:6], text[7:11], text[21:]
    offset_s = (int(zone[1:3]) * 60 + int(zone[3:])) * (-60 if zone[0] == "-" else 60)
    hour, minute, second = (int(part) for part in text[12:20].split(":"))
    at = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    return int(at.timestamp()) - offset_s


def _value(text: str) -> str:
    return "" if text == _NONE else text


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\\" in text else text
