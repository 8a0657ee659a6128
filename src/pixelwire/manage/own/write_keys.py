"""`/api/v1/pixels/{pixel_id}/write_keys`: the names under which a pixel collects."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.write_keys import WriteKey
from pixelwire.manage.answers import empty_answer, json_answer
from pixelwire.manage.auth import PixelId, ThePrincipal, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import Time, UuidText, problems
from pixelwire.manage.fields import Body, Flag, WriteKeyText
from pixelwire.manage.office import TheOffice
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_s

router = APIRouter(prefix="/pixels/{pixel_id}/write_keys", tags=["Write keys"], route_class=GuardedRoute)

KeyId = Annotated[str, Path(description="The id of the write key, not the key.")]


class NewWriteKey(Body):
    key: Annotated[
        WriteKeyText, Field(description="An existing key to import. Default: a new one is made.")
    ] = Field(default_factory=str)


class WriteKeyPatch(Body):
    enabled: Flag


class WriteKeyAnswer(TypedDict):
    id: UuidText
    key: str
    enabled: bool
    own: Annotated[bool, Field(description="Whether it is the pixel's own id, which can not be deleted.")]
    created_at: Time


class WriteKeysAnswer(TypedDict):
    write_keys: list[WriteKeyAnswer]


@router.get(
    "", response_model=WriteKeysAnswer, responses=problems(401, 403, 404), summary="List a pixel's write keys"
)
async def list_write_keys(office: TheOffice, principal: ThePrincipal, pixel_id: PixelId) -> Response:
    """The pixel's own id first."""

    def read(desk: Desk) -> list[WriteKey]:
        return desk.catalog.write_keys(reachable_pixel(desk, principal, pixel_id).id)

    keys = await office.desks.short(read)
    return json_answer({"write_keys": [_answer(key) for key in keys]})


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=WriteKeyAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Add a write key",
)
async def create_write_key(
    office: TheOffice, principal: ThePrincipal, pixel_id: PixelId, body: NewWriteKey | None = None
) -> Response:
    """It works on every worker within a second. A key is used once on the whole server."""
    wanted = body.key if body is not None and "key" in body.model_fields_set else None

    def create(desk: Desk) -> WriteKey:
        return desk.catalog.create_write_key(reachable_pixel(desk, principal, pixel_id).id, wanted)

    return json_answer(_answer(await office.desks.short(create)), HTTPStatus.CREATED)


@router.patch(
    "/{key_id}",
    response_model=WriteKeyAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Switch a write key on or off",
)
async def switch_write_key(
    office: TheOffice, principal: ThePrincipal, pixel_id: PixelId, key_id: KeyId, body: WriteKeyPatch
) -> Response:
    def switch(desk: Desk) -> WriteKey:
        pixel = reachable_pixel(desk, principal, pixel_id)
        return desk.catalog.switch_write_key(pixel.id, key_id, is_enabled=body.enabled)

    return json_answer(_answer(await office.desks.short(switch)))


@router.delete(
    "/{key_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(401, 403, 404, 409),
    summary="Delete a write key",
)
async def delete_write_key(
    office: TheOffice, principal: ThePrincipal, pixel_id: PixelId, key_id: KeyId
) -> Response:
    """409 for the pixel's own id: switch it off instead."""

    def delete(desk: Desk) -> None:
        desk.catalog.delete_write_key(reachable_pixel(desk, principal, pixel_id).id, key_id)

    await office.desks.short(delete)
    return empty_answer()


def _answer(key: WriteKey) -> WriteKeyAnswer:
    return {
        "id": key.id,
        "key": key.key,
        "enabled": key.is_enabled,
        "own": key.is_own,
        "created_at": iso_s(key.created_ms),
    }
