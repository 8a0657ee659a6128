"""`/docs`: the reference of this API as one page without scripts, drawn from the OpenAPI document."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from pixelwire.manage.docs_page import render
from pixelwire.manage.office import TheOffice
from pixelwire.manage.openapi import document

_SECURITY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(office: TheOffice, request: Request) -> Response:
    page = render(document(request.app, office.options.manage_url))
    return Response(page, headers={"Content-Security-Policy": _SECURITY}, media_type="text/html")


@router.get("/docs/style.css")
async def style() -> Response:
    text = (files("pixelwire.manage") / "docs.css").read_bytes()
    return Response(text, headers={"Cache-Control": "max-age=3600"}, media_type="text/css")
