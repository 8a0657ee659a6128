"""`/api/v1/pixels/{pixel_id}`: a pixel's settings. Knows nothing of what was collected."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.pixels import Pixel, PixelChanges
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import PixelId, ThePrincipal, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import HexText, Time, UuidText, problems
from pixelwire.manage.fields import Body, EventRules, Flag
from pixelwire.manage.office import TheOffice
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_s

Address = Annotated[
    Literal["full", "masked", "none"],
    Field(description="How much of a visitor's address is kept: masked is IPv4 /24 and IPv6 /48."),
]
UserAgent = Annotated[Literal["full", "none"], Field(description="Whether the user agent is kept.")]
Gpc = Annotated[
    Literal["count", "store", "filter"],
    Field(description="What `Sec-GPC: 1` does: count without the visitor, store as any other, or filter."),
]

_FIELDS: Final = {
    "enabled": "is_enabled",
    "event_rules": "event_rules",
    "address": "address",
    "user_agent": "user_agent",
    "gpc": "gpc",
}

router = APIRouter(prefix="/pixels/{pixel_id}", tags=["Pixel settings"], route_class=GuardedRoute)


class SettingsPatch(Body):
    enabled: Flag = Field(default_factory=bool)  # absent: stays as it is
    event_rules: EventRules = Field(default_factory=dict)
    address: Address = Field(default_factory=lambda: "masked")
    user_agent: UserAgent = Field(default_factory=lambda: "full")
    gpc: Gpc = Field(default_factory=lambda: "count")


class SettingsAnswer(TypedDict):
    id: HexText
    business_id: UuidText
    domain: str
    name: str
    dataset_id: UuidText
    created_at: Time
    updated_at: Time
    enabled: bool
    event_rules: dict[str, str | None]
    address: str
    user_agent: str
    gpc: str


@router.get(
    "", response_model=SettingsAnswer, responses=problems(401, 403, 404), summary="Get a pixel's settings"
)
async def get_settings(office: TheOffice, principal: ThePrincipal, pixel_id: PixelId) -> Response:
    pixel = await office.desks.short(reachable_pixel, principal, pixel_id)
    return json_answer(_answer(pixel))


@router.patch(
    "",
    response_model=SettingsAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Change a pixel's settings",
)
async def change_settings(
    office: TheOffice, principal: ThePrincipal, pixel_id: PixelId, body: SettingsPatch
) -> Response:
    """Every worker follows within a second. What is stored and counted already does not change."""

    def change(desk: Desk) -> Pixel:
        found = reachable_pixel(desk, principal, pixel_id)
        given: dict[str, Any] = {_FIELDS[name]: value for name, value in body.given(*_FIELDS).items()}
        return desk.catalog.change_pixel(found.id, PixelChanges(**given))

    return json_answer(_answer(await office.desks.short(change)))


def _answer(pixel: Pixel) -> SettingsAnswer:
    return {
        "id": pixel.id,
        "business_id": pixel.business_id,
        "domain": pixel.domain,
        "name": pixel.name,
        "dataset_id": pixel.dataset_id,
        "created_at": iso_s(pixel.created_ms),
        "updated_at": iso_s(pixel.updated_ms),
        "enabled": pixel.is_enabled,
        "event_rules": pixel.event_rules,
        "address": pixel.address,
        "user_agent": pixel.user_agent,
        "gpc": pixel.gpc,
    }
