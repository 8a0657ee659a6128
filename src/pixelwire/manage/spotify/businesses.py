"""`/ads/v3/businesses`: the tenants. Knows no pixel."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.businesses import Business
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import Principal, ReachableBusinessId, ThePrincipal, needs_server_admin
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import Time, UuidText, problems
from pixelwire.manage.fields import Body, BusinessType, Flag, Name
from pixelwire.manage.office import TheOffice
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_s

DETAILS = ("business_admin_name", "business_admin_email", "business_admin_has_marketing_opt_in")

router = APIRouter(prefix="/businesses", tags=["Businesses"], route_class=GuardedRoute)


class NewBusiness(Body):
    name: Name
    type: BusinessType
    business_admin_name: Annotated[str, Field(max_length=255)] | None = None
    business_admin_email: Annotated[str, Field(max_length=319)] | None = None
    business_admin_has_marketing_opt_in: Flag | None = None


class BusinessChanges(Body):
    name: Name


class BusinessAnswer(TypedDict):
    id: UuidText
    name: str
    created_at: Time
    updated_at: Time
    status: Literal["ACTIVE"]
    type: BusinessType


class BusinessesAnswer(TypedDict):
    businesses: list[BusinessAnswer]


@router.post(
    "",
    response_model=BusinessAnswer,
    responses=problems(400, 401, 403, 413),
    dependencies=[needs_server_admin],
    summary="Create business",
)
async def create_business(office: TheOffice, body: NewBusiness) -> Response:
    """Needs an admin token without a business. The further documented members are kept."""

    def create(desk: Desk) -> Business:
        details: dict[str, Any] = body.given(*DETAILS)
        return desk.catalog.create_business(body.name, body.type, details=details)

    return json_answer(_answer(await office.desks.short(create)))


@router.get(
    "", response_model=BusinessesAnswer, responses=problems(401, 403), summary="Get businesses of the token"
)
async def list_businesses(office: TheOffice, principal: ThePrincipal) -> Response:
    """Those the token may see."""
    found = await office.desks.short(_visible, principal)
    return json_answer({"businesses": [_answer(business) for business in found]})


@router.get(
    "/{business_id}",
    response_model=BusinessAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get business by ID",
)
async def get_business(office: TheOffice, business_id: ReachableBusinessId) -> Response:
    def get(desk: Desk) -> Business:
        return desk.catalog.business(business_id)

    return json_answer(_answer(await office.desks.short(get)))


@router.patch(
    "/{business_id}",
    response_model=BusinessAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Update business",
)
async def change_business(
    office: TheOffice, business_id: ReachableBusinessId, body: BusinessChanges
) -> Response:
    def change(desk: Desk) -> Business:
        return desk.catalog.rename_business(business_id, body.name)

    return json_answer(_answer(await office.desks.short(change)))


def _visible(desk: Desk, principal: Principal) -> list[Business]:
    if principal.business_id is None:
        return desk.catalog.businesses()
    return [desk.catalog.business(principal.business_id)]


def _answer(business: Business) -> BusinessAnswer:
    return {
        "id": business.id,
        "name": business.name,
        "created_at": iso_s(business.created_ms),
        "updated_at": iso_s(business.updated_ms),
        "status": "ACTIVE",
        "type": business.type,  # type: ignore[typeddict-item] # checked when it was made
    }
