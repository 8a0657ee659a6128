"""How long filters and transforms take, for one event and one core: `python benchmarks/routing.py`.

Beside them their floor, the reading and writing of the same payload without a rule.
"""

import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from pixelwire.event import Call, Signal, StoredEvent
from pixelwire.routing.route import Routed, parse_route

ROUNDS = 20_000
REPEATS = 5
PAYLOAD = {
    "channel": "web",
    "integrations": {"All": True},
    "originalTimestamp": "2026-01-23T04:56:07.089Z",
    "sentAt": "2026-01-23T04:56:07.089Z",
    "anonymousId": "a1b2c3d4",
    "event": "Order Completed",
    "properties": {"price": "19.90", "currency": "EUR", "order": {"id": "4711"}},
    "context": {
        "traits": {"email": " Ann@Example.com "},
        "page": {"url": "https://shop.example/a", "title": "Shop"},
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64)",
        "locale": "de-DE",
        "ip": "192.0.2.0",
    },
    "type": "track",
    "messageId": "0190a7c2-0000-7000-8000-000000000000",
    "rudderId": "f81ebcce-dafc-4607-b906-29e68e64b35f",
    "receivedAt": "2026-01-23T04:56:07.089Z",
    "timestamp": "2026-01-23T04:56:07.089Z",
    "request_ip": "192.0.2.0",
}
FILTERS = {
    "calls": ["track"],
    "events": ["Order *"],
    "conditions": [{"path": "properties.price", "at_least": 10}],
}
TRANSFORMS: list[dict[str, Any]] = [
    {"hash": {"paths": ["context.traits.email"], "kind": "email"}},
    {"cast": {"properties.price": "number", "timestamp": "time"}},
    {"rename": {"properties.order.id": "properties.order_id"}},
    {"remove": ["request_ip", "context.ip"]},
    {"flatten": {"path": "properties"}},
]


def microseconds(work: Callable[[], object]) -> float:
    """The best of several rounds: what else runs on the machine only adds."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6


def main() -> None:
    raw = msgspec.json.encode(PAYLOAD)
    event = StoredEvent(1, 1, 0, Call.TRACK, Signal.PURCHASE, raw, b"")
    whole = parse_route(FILTERS, TRANSFORMS)
    assert isinstance(whole.apply(event), Routed)
    works: dict[str, Callable[[], object]] = {
        "reading and writing alone": lambda: msgspec.json.encode(msgspec.json.decode(raw)),
        "a plain route": partial(parse_route(None, None).apply, event),
        "filtered by its call": partial(parse_route({"calls": ["page"]}, None).verdict, event),
        "filtered by its name": partial(parse_route({"events": ["X*"]}, None).verdict, event),
        "3 filters": partial(whole.verdict, event),
        "5 transforms": partial(parse_route(None, TRANSFORMS).apply, event),
        "3 filters, 5 transforms": partial(whole.apply, event),
    }
    print(f"one event, {len(raw)} bytes of payload")
    for name, work in works.items():
        print(f"  {name:<26} {microseconds(work):7.2f} us")


if __name__ == "__main__":
    main()
