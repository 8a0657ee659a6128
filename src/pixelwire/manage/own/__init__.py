"""`/api/v1`: our own management API. Knows nothing of Spotify's shape."""

from fastapi import APIRouter

from pixelwire.manage.own import (
    counts,
    dead_letters,
    destination_dry_runs,
    destination_kinds,
    destination_trials,
    destinations,
    events,
    outcomes,
    pixels,
    receipts,
    replays,
    tokens,
    write_keys,
)

router = APIRouter(prefix="/api/v1")
PARTS = (
    pixels,
    events,
    receipts,
    counts,
    outcomes,
    write_keys,
    destinations,
    destination_dry_runs,
    destination_trials,
    destination_kinds,
    dead_letters,
    replays,
    tokens,
)
for part in PARTS:
    router.include_router(part.router)
