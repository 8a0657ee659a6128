"""The OpenAPI 3.1 document of the whole management API, at `/openapi.json`. Knows no route by name."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from pixelwire import __version__
from pixelwire.manage.answers import json_answer
from pixelwire.manage.office import office_of

DESCRIPTION: Final = (
    "Manages a Pixelwire server and reads back what it collected. `/ads/v3` has the shape of Spotify's "
    "Ads API; `/api/v1` is our own. Every call but the health checks needs `Authorization: Bearer <token>`. "
    "Errors have one shape; their `sp_trace_id` is in the server's log. A body is JSON of at most 64 KiB."
)
SCHEME: Final = "token"


def document(app: FastAPI, manage_url: str) -> dict[str, Any]:
    """Built once; the routes do not change while the server runs."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title="Pixelwire management API",
            version=__version__,
            description=DESCRIPTION,
            routes=app.routes,
            servers=[{"url": manage_url}],
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        _say_what_is_true(schema)
        app.openapi_schema = schema
    return app.openapi_schema


async def serve_document(request: Request) -> Response:
    """`/openapi.json`; open, as it tells no secret."""
    office = await office_of(request)
    return json_answer(document(request.app, office.options.manage_url))


def name_operation(route: APIRoute) -> str:
    """The id of an operation: the name of its function, which is used once."""
    return route.name


def _say_what_is_true(schema: dict[str, Any]) -> None:
    """The framework announces answers that we never give (422), and does not know our tokens."""
    components = schema.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    components["securitySchemes"] = {
        SCHEME: {"type": "http", "scheme": "bearer", "description": "A token of this server."}
    }
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            if path.startswith(("/ads/", "/api/", "/metrics")):
                operation["security"] = [{SCHEME: []}]
