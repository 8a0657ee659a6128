"""`/api/v1`: our own management API. Knows nothing of Spotify's shape."""

from fastapi import APIRouter

from pixelwire.manage.own import counts, events, outcomes, pixels, receipts, tokens, write_keys

router = APIRouter(prefix="/api/v1")
for part in (pixels, events, receipts, counts, outcomes, write_keys, tokens):
    router.include_router(part.router)
