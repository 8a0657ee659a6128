"""The management API as one ASGI app: its routers, its errors, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pixelwire.clock import Clock, SystemClock
from pixelwire.errors import PixelwireError
from pixelwire.manage import docs, health, metrics, own, spotify
from pixelwire.manage.desks import Desks
from pixelwire.manage.front import Front
from pixelwire.manage.head_watch import HeadWatch
from pixelwire.manage.health_watch import HealthWatch
from pixelwire.manage.metrics import SettledLedger
from pixelwire.manage.office import Office
from pixelwire.manage.openapi import name_operation, serve_document
from pixelwire.manage.options import ManageOptions
from pixelwire.manage.problems import answer_error, answer_http, answer_invalid

TIDY_S: Final = 10.0


def build_app(options: ManageOptions, clock: Clock | None = None) -> FastAPI:
    """Routers only: what is mounted would vanish from the OpenAPI document."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=name_operation,
        lifespan=_lifespan,
        # Paths hold visitors' message ids: nothing about a request leaves this process.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    desks = Desks(Path(options.data_dir), options.lock)
    app.state.office = Office(options, desks, HeadWatch(desks), clock or SystemClock())
    app.state.ledger = SettledLedger()
    app.state.health = HealthWatch(app.state.office)
    for part in (spotify.router, own.router, health.router, metrics.router, docs.router):
        app.include_router(part)
    app.add_api_route("/openapi.json", serve_document, include_in_schema=False)
    app.add_exception_handler(PixelwireError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_middleware(Front)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    office = app.state.office
    assert isinstance(office, Office)
    health = app.state.health
    assert isinstance(health, HealthWatch)
    health.start()
    tidying = asyncio.create_task(_tidy(office))
    try:
        yield
    finally:
        tidying.cancel()
        await health.stop()
        await office.head.stop()
        office.desks.close()


async def _tidy(office: Office) -> None:
    while True:
        await asyncio.sleep(TIDY_S)
        try:
            office.desks.tidy()
        except OSError:
            pass  # the data directory is away; who asks for something hears of it
