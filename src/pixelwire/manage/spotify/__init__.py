"""`/ads/v3`: the management API in the shape of Spotify's Ads API. Knows nothing of our own API."""

from fastapi import APIRouter

from pixelwire.manage.spotify import businesses, pixels

router = APIRouter(prefix="/ads/v3")
router.include_router(businesses.router)
router.include_router(pixels.router)
