"""How routes tell the OpenAPI document which errors they answer. Knows no route."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from pixelwire.manage.problems import DEFINITIONS


class ErrorCodeAnswer(TypedDict):
    code: Annotated[str, Field(description="Stable; for programs.")]
    definition: Annotated[str, Field(description="What it means and what to do.")]


class ErrorAnswer(TypedDict):
    sp_trace_id: Annotated[str, Field(description="A UUID; also in the server's log.")]
    messages: Annotated[list[str], Field(description="One a thing that is wrong, by its field's name.")]
    error_codes: list[ErrorCodeAnswer]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, beside 500 and 503, which every route has."""
    everywhere = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
    return {
        int(status): {"model": ErrorAnswer, "description": DEFINITIONS[HTTPStatus(status)]}
        for status in (*statuses, *everywhere)
    }
