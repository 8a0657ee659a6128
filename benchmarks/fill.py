"""Fills a data directory with many events, past the HTTP server but through the recorder's own writer.

    .venv/bin/python benchmarks/fill.py DATA_DIR --events 10000000 --names 1000000

The server must not run on the directory meanwhile.
"""

import argparse
import time
from pathlib import Path

import uuid_utils

from pixelwire.clock import HOUR_MS, SystemClock
from pixelwire.event import RECEIVED, Call, Event, Signal, Tally, client_id_key, own_id_key
from pixelwire.frames import Batch
from pixelwire.limits import BATCH_EVENTS_MAX
from pixelwire.record.writer import Writer
from pixelwire.times import hour_of, iso_ms

DAYS = 7  # what Get pixel shows by default
PAYLOAD = (
    '{"channel":"web","integrations":{"All":true},"event":"%s","anonymousId":"a%d","type":"track",'
    '"messageId":"%s","receivedAt":"%s"}'
)


def fill(
    data_dir: Path,
    *,
    pixel: int,
    events: int,
    names: int,
    worker: int,
    days: int = DAYS,
    all_are_clients: bool = False,
) -> float:
    """Stores that many events with that many distinct event names, spread evenly over the days up to now;
    returns the seconds it took. Half of them have ids given by the client, or all."""
    started = time.monotonic()
    now_ms = SystemClock().now_ms()
    writer = Writer.open(data_dir)
    try:
        for number, first in enumerate(range(0, events, BATCH_EVENTS_MAX), start=1):
            last = min(first + BATCH_EVENTS_MAX, events)
            hours_ago = days * 24 * (events - first) // events
            received_ms = now_ms - hours_ago * HOUR_MS
            batch = [
                _event(
                    pixel, _message_id(worker, n, all_are_clients=all_are_clients), n, n % names, received_ms
                )
                for n in range(first, last)
            ]
            tally = Tally(hour_of(received_ms), 0, RECEIVED, "", len(batch))
            writer.commit([(worker, Batch(number, [tally], batch))])
    finally:
        writer.close()
    return time.monotonic() - started


def client_id(worker: int, n: int) -> str:
    """The message id of a worker's event of that number, where it is the client's: every even one's."""
    return f"fill-{worker}-{n}"


def _message_id(worker: int, n: int, *, all_are_clients: bool) -> str:
    return client_id(worker, n) if all_are_clients or n % 2 == 0 else str(uuid_utils.uuid7())


def _event(pixel: int, message_id: str, n: int, name_number: int, received_ms: int) -> Event:
    """Every fourth counts as a purchase, the others by name."""
    is_purchase = n % 4 == 0
    name = "Order Completed" if is_purchase else f"event {name_number}"
    payload = PAYLOAD % (name, n % 100_000, message_id, iso_ms(received_ms))
    return Event(
        pixel=pixel,
        received_ms=received_ms,
        call=Call.TRACK,
        signal=Signal.PURCHASE if is_purchase else 0,
        name=name,
        key=client_id_key(pixel, message_id) if message_id.startswith("fill") else own_id_key(message_id),
        payload=payload.encode(),
        extra=b"",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a data directory with events.")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=100_000, help="distinct event names")
    parser.add_argument("--days", type=int, default=DAYS, help="the events lie this far back at most")
    parser.add_argument("--pixel", type=int, default=1, help="the pixel's number in the catalog")
    options = parser.parse_args()
    took_s = fill(
        options.data_dir,
        pixel=options.pixel,
        events=options.events,
        names=options.names,
        worker=time.time_ns(),
        days=options.days,
    )
    print(f"{options.events} events in {took_s:.1f} s, {options.events / took_s:.0f} a second")


if __name__ == "__main__":
    main()
