"""`/api/v1/pixels/{pixel_id}/events`: stored events in order, page by page, and waiting for the next.

`tail` and `export` are its clients. Who waits holds no thread.
"""

import time
from typing import Annotated, Final, NotRequired

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.errors import InvalidFields
from pixelwire.limits import EVENTS_PAGE_MAX, EVENTS_WAIT_S_MAX
from pixelwire.manage.answers import json_answer, ndjson_answer
from pixelwire.manage.auth import PixelId, Principal, ThePrincipal, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import problems
from pixelwire.manage.office import Office, TheOffice
from pixelwire.manage.own.shapes import EventAnswer, event_answer
from pixelwire.manage.routes import GuardedRoute
from pixelwire.record.reader import Page

SEQ_MAX: Final = 2**63 - 1
EVENTS_PAGE_DEFAULT: Final = 100
SCAN_S_MAX: Final = 5.0  # then a page goes out as it is, with how far it got
ASK_CLIENT_S: Final = 1.0
NDJSON_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")

router = APIRouter(prefix="/pixels/{pixel_id}/events", tags=["Events"], route_class=GuardedRoute)


class Missed(TypedDict):
    first: int
    last: int


class EventsAnswer(TypedDict):
    events: list[EventAnswer]
    next_after: int
    missed: NotRequired[
        Annotated[Missed, Field(description="Seqs after `after` that are no longer on disk, when there are.")]
    ]


After = Annotated[int, Query(ge=0, le=SEQ_MAX, description="The seq (or `next_after`) that was seen last.")]
Limit = Annotated[int, Query(ge=1, le=EVENTS_PAGE_MAX)]
Wait = Annotated[
    float, Query(ge=0, le=EVENTS_WAIT_S_MAX, description="Seconds to wait for an event when there is none.")
]
Store = Annotated[
    str | None, Query(description="The store `after` is of, as in X-Pixelwire-Store; 400 if it is another.")
]


@router.get(
    "",
    response_model=EventsAnswer,
    responses={
        **problems(400, 401, 403, 404),
        200: {
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            "headers": {
                "X-Pixelwire-Next-After": {"schema": {"type": "integer"}, "description": "As `next_after`."},
                "X-Pixelwire-Store": {"schema": {"type": "string"}, "description": "The store's id."},
                "X-Pixelwire-Missed": {
                    "schema": {"type": "string"},
                    "description": "As `missed`, written `first-last`; absent when nothing is missed.",
                },
            },
        },
    },
    summary="List stored events",
)
async def list_events(
    office: TheOffice,
    request: Request,
    principal: ThePrincipal,
    pixel_id: PixelId,
    after: After = 0,
    limit: Limit = EVENTS_PAGE_DEFAULT,
    wait: Wait = 0,
    store: Store = None,
) -> Response:
    """In the order in which they were recorded. `Accept: application/x-ndjson` gives one a line.

    A page may be short, even empty, before the end is reached: the end is where `next_after` is `after`.
    Where retention has removed events after `after`, `missed` says which.
    """
    number, store_id = await office.desks.short(_check, principal, pixel_id, after, store)
    page = await _first_page(office, request, number, after, limit, wait)
    events = [event_answer(event, pixel_id) for event in page.events]
    headers = {"X-Pixelwire-Next-After": str(page.scanned_to), "X-Pixelwire-Store": store_id}
    answer: EventsAnswer = {"events": events, "next_after": page.scanned_to}
    if page.missed_to > after:
        headers["X-Pixelwire-Missed"] = f"{after + 1}-{page.missed_to}"
        answer["missed"] = {"first": after + 1, "last": page.missed_to}
    if any(kind in request.headers.get("accept", "").lower() for kind in NDJSON_TYPES):
        return ndjson_answer(list(events), headers)
    return json_answer(answer, headers=headers)


def _check(desk: Desk, principal: Principal, pixel_id: str, after: int, store: str | None) -> tuple[int, str]:
    """The pixel's number and the store's id. A position that is not of this store is told loudly."""
    pixel = reachable_pixel(desk, principal, pixel_id)
    store_id = desk.reader.store_id()
    if store is not None and store != store_id:
        raise InvalidFields([f"store: the events here are of the store {store_id!r}; start again at after=0"])
    if after > desk.reader.head():
        raise InvalidFields(["after: is beyond the newest event of this server; start again at after=0"])
    return pixel.number, store_id


async def _first_page(
    office: Office, request: Request, pixel: int, after: int, limit: int, wait_s: float
) -> Page:
    """The first page after a seq that has events in it; an empty one when the time is over."""
    started = time.monotonic()
    missed_to = 0
    while True:
        page = await office.desks.long(_read, after, limit, pixel)
        missed_to = max(missed_to, page.missed_to)
        page = page._replace(missed_to=missed_to)
        waited_s = time.monotonic() - started
        if page.events or office.head.is_stopped:
            return page
        if not page.at_head:
            if waited_s >= max(SCAN_S_MAX, wait_s):
                return page
        elif waited_s >= wait_s or await request.is_disconnected():
            return page
        else:
            await office.head.beyond(page.scanned_to, min(wait_s - waited_s, ASK_CLIENT_S))
        after = page.scanned_to


def _read(desk: Desk, after: int, limit: int, pixel: int) -> Page:
    return desk.reader.read(after, limit=limit, pixels=frozenset({pixel}))
