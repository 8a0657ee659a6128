"""What a destination's rules would do to events, given or stored. Sends nothing; knows no HTTP."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pixelwire import signals
from pixelwire.catalog.checks import signals_by_name
from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog
from pixelwire.errors import InvalidFields
from pixelwire.event import NO_SIGNAL, Call, Signal, StoredEvent
from pixelwire.limits import DRY_RUN_BYTES_MAX, DRY_RUN_EVENTS_MAX, DRY_RUN_SCANNED_MAX, PAYLOAD_BYTES_MAX
from pixelwire.manage.covered import covered_event, covered_pixels
from pixelwire.record.reader import Reader
from pixelwire.routing.explain import Explanation, explained
from pixelwire.routing.payload import RouteFailed, call_word, read, signal_word
from pixelwire.routing.route import Route

LAST_DEFAULT: Final = 10
LOOK_BACK_FIRST: Final = 256


class Wanted(msgspec.Struct, frozen=True):
    """Which events: a payload, a message id, or else the newest ones."""

    payload: dict[str, Any] | None = None
    message_id: str | None = None
    last: int = LAST_DEFAULT
    pixel_id: str | None = None  # only its events; of a payload, whose event it is


class DryRun(msgspec.Struct, frozen=True):
    """One event and what would become of it."""

    event: StoredEvent  # of a given payload with seq 0
    pixel_id: str | None
    explanation: Explanation


def dry_run(
    catalog: Catalog, reader: Reader, destination: Destination, route: Route, wanted: Wanted
) -> list[DryRun]:
    """Oldest first; none when the newest events hold none of the destination's pixels.

    InvalidFields; NotFound when there is no such event.
    """
    pixels = covered_pixels(catalog, destination, wanted.pixel_id)
    if wanted.payload is not None:
        pixel = next(iter(pixels.values())) if len(pixels) == 1 else None
        events = [_given(wanted.payload, pixel)]
    elif wanted.message_id is not None:
        events = [covered_event(reader, pixels, wanted.message_id)]
    else:
        events = _newest(reader, frozenset(pixels), min(wanted.last, DRY_RUN_EVENTS_MAX))
    return [
        DryRun(event, pixels[event.pixel].id if event.pixel in pixels else None, explained(route, event))
        for event in events
    ]


def dry_run_rows(runs: Sequence[DryRun]) -> list[dict[str, Any]]:
    """As the API and the command line show them."""
    return [_row(run) for run in runs]


def _row(run: DryRun) -> dict[str, Any]:
    told = run.explanation
    return {
        "message_id": _message_id(run.event.payload),
        "pixel_id": run.pixel_id,
        "seq": run.event.seq or None,
        "call": call_word(run.event.call),
        "signal": signal_word(run.event.signal) or None,
        "outcome": told.outcome,
        "reason": told.reason or None,
        "failed_casts": told.failed_casts,
        "payload": told.payload,
        "steps": [
            {
                "rule": step.rule,
                "outcome": step.outcome,
                "reason": step.reason or None,
                "failed_casts": step.failed_casts,
                "changes": [msgspec.to_builtins(change) for change in step.changes],
            }
            for step in told.steps
        ],
    }


def _message_id(payload: bytes) -> str | None:
    try:
        found = read(payload).get("messageId")
    except RouteFailed:
        return None
    return found if isinstance(found, str) else None


def _given(payload: dict[str, Any], pixel: Pixel | None) -> StoredEvent:
    """The event that the payload would be. Without a pixel nobody's own rules say what it counts as."""
    try:
        raw = msgspec.json.encode(payload)
    except (UnicodeError, OverflowError, RecursionError) as exc:
        raise InvalidFields(["payload: holds what JSON can not"]) from exc
    if len(raw) > PAYLOAD_BYTES_MAX:
        raise InvalidFields([f"payload: must be at most {PAYLOAD_BYTES_MAX} bytes"])
    calls = {call.word: call for call in Call}
    kind = payload.get("type")
    if not isinstance(kind, str) or kind not in calls:
        raise InvalidFields(["payload: `type` must be page or track"])
    signal = Signal.VIEW.value
    if calls[kind] is Call.TRACK:
        name = payload.get("event")
        rules = signals_by_name(pixel.event_rules) if pixel else {}
        signal = signals.of_track(name, rules) if isinstance(name, str) else NO_SIGNAL
    return StoredEvent(0, pixel.number if pixel else 0, 0, calls[kind], signal, raw, b"")


def _newest(reader: Reader, pixels: frozenset[int], count: int) -> list[StoredEvent]:
    """Oldest first, of the newest events of the server: going back further each time."""
    head = reader.head()
    found: list[StoredEvent] = []
    up_to, span = head, LOOK_BACK_FIRST
    while up_to > 0 and len(found) < count and head - up_to < DRY_RUN_SCANNED_MAX:
        after = max(0, up_to - span)
        found = _between(reader, pixels, after, up_to, count - len(found)) + found
        up_to, span = after, span * 2
    size, kept = 0, len(found)
    for event in reversed(found):
        size += len(event.payload)
        if size > DRY_RUN_BYTES_MAX and kept < len(found):
            break
        kept -= 1
    return found[kept:]


def _between(reader: Reader, pixels: frozenset[int], after: int, up_to: int, count: int) -> list[StoredEvent]:
    """The newest `count` of (after, up_to]."""
    newest: deque[StoredEvent] = deque(maxlen=count)
    while after < up_to:
        page = reader.read(after, limit=up_to - after, pixels=pixels)
        newest.extend(event for event in page.events if event.seq <= up_to)
        if page.scanned_to <= after:
            break
        after = page.scanned_to
    return list(newest)
