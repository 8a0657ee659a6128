"""Caddy: its JSON access log, as it comes. Response headers are in it without being asked for."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from pixelwire.reconcile.entry import Logged


class _Request(msgspec.Struct):
    method: str = ""
    uri: str = ""


class _Line(msgspec.Struct):
    ts: float | str
    request: _Request
    status: int
    duration: float | str | None = None
    resp_headers: dict[str, list[str]] | None = None


_decode: Final = msgspec.json.Decoder(_Line).decode

# `time_format` may be in seconds (the default), milliseconds or nanoseconds: this year tells them apart.
_MILLISECONDS_FROM: Final = 1e11
_NANOSECONDS_FROM: Final = 1e17


def read(line: bytes) -> Logged | None:
    """What a line tells; None when it is no line of this format."""
    try:
        told = _decode(line)
        ended_ms = _milliseconds(told.ts)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError):
        return None
    headers = told.resp_headers
    return Logged(
        ended_ms=ended_ms,
        ended_exact_ms=1 if isinstance(told.ts, float) else 999,
        took_ms=round(told.duration * 1_000) + 1 if isinstance(told.duration, float) else None,
        method=told.request.method,
        target=told.request.uri,
        status=told.status,
        outcome=None if headers is None else _first(headers, "X-Pixelwire-Outcome"),
        reason="" if headers is None else _first(headers, "X-Pixelwire-Reason"),
        message_id="" if headers is None else _first(headers, "X-Pixelwire-Message-Id"),
    )


def _first(headers: dict[str, list[str]], name: str) -> str:
    values = headers.get(name)
    return values[0] if values else ""


def _milliseconds(at: float | str) -> int:
    if isinstance(at, str):
        moment = datetime.fromisoformat(at)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000)
    if at >= _NANOSECONDS_FROM:
        return int(at / 1e6)
    return int(at) if at >= _MILLISECONDS_FROM else int(at * 1_000)
