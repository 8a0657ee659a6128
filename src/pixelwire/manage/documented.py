"""How routes tell the OpenAPI document what they answer, errors included. Knows no route."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from pixelwire.manage.problems import DEFINITIONS

UuidText = Annotated[
    str,
    Field(json_schema_extra={"format": "uuid"}, examples=["ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"]),
]
HexText = Annotated[
    str,
    Field(json_schema_extra={"pattern": "^[0-9a-f]{32}$"}, examples=["cd2f1480ba3d4f9b9c5a39893c0def91"]),
]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-23T04:56:07Z"])]
ExactTime = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-23T04:56:07.089Z"])
]


class ErrorCodeAnswer(TypedDict):
    code: Annotated[str, Field(description="Stable; for programs.")]
    definition: Annotated[str, Field(description="What it means and what to do.")]


class ErrorAnswer(TypedDict):
    sp_trace_id: Annotated[UuidText, Field(description="Also in the server's log.")]
    messages: Annotated[list[str], Field(description="One a thing that is wrong, by its field's name.")]
    error_codes: list[ErrorCodeAnswer]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, beside 500 and 503, which every route has."""
    everywhere = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
    return {
        int(status): {"model": ErrorAnswer, "description": DEFINITIONS[HTTPStatus(status)]}
        for status in (*statuses, *everywhere)
    }
