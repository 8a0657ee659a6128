"""`/api/v1/destinations/kinds`: what destinations there can be, and the options of each."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.destinations import registry
from pixelwire.destinations.documented import documented
from pixelwire.manage.answers import json_answer
from pixelwire.manage.documented import problems
from pixelwire.manage.routes import GuardedRoute

router = APIRouter(prefix="/destinations/kinds", tags=["Destinations"], route_class=GuardedRoute)


class OptionAnswer(TypedDict):
    name: str
    type: Literal["text", "integer", "number", "boolean", "list", "table"]
    words: Annotated[str, Field(description="The type for people, bounds included.")]
    choices: Annotated[list[Any] | None, Field(description="Null: any of its type.")]
    required: bool
    default: Annotated[Any, Field(description="Null where there is none.")]
    secret: Annotated[bool, Field(description="Never shown once it is given; of a table, its values.")]
    operator_only: Annotated[
        bool, Field(description="Only the operator of the server may set it to another than its default.")
    ]
    description: str


class KindAnswer(TypedDict):
    kind: str
    summary: str
    options: list[OptionAnswer]


class KindsAnswer(TypedDict):
    kinds: list[KindAnswer]


@router.get("", response_model=KindsAnswer, responses=problems(401, 403), summary="List the kinds there are")
async def list_destination_kinds() -> Response:
    """Built in and plugged in; the same for everybody."""
    specs, _ = await asyncio.to_thread(registry.survey)
    answer = [
        {"kind": spec.kind, "summary": spec.summary, "options": documented(spec.options)} for spec in specs
    ]
    return json_answer({"kinds": answer})
