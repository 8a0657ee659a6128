"""`/api/v1/tokens`: the tokens of this API. A token is shown once, in the answer that makes it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.tokens import IssuedToken, Token
from pixelwire.errors import InvalidFields, NotFound
from pixelwire.manage.answers import empty_answer, json_answer
from pixelwire.manage.auth import Principal, ThePrincipal, needs_admin
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import Time, UuidText, problems
from pixelwire.manage.fields import Body, Name, Role, Uuid
from pixelwire.manage.office import TheOffice
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_s

router = APIRouter(prefix="/tokens", tags=["Tokens"], route_class=GuardedRoute, dependencies=[needs_admin])


class NewToken(Body):
    name: Name
    business_id: Uuid | None = None
    role: Role


class TokenAnswer(TypedDict):
    id: UuidText
    name: str
    business_id: UuidText | None
    role: Role
    created_at: Time


class IssuedTokenAnswer(TokenAnswer):
    token: Annotated[str, Field(examples=["pw_..."])]


class TokensAnswer(TypedDict):
    tokens: list[TokenAnswer]


@router.get("", response_model=TokensAnswer, responses=problems(401, 403), summary="List tokens")
async def list_tokens(office: TheOffice, principal: ThePrincipal) -> Response:
    """Needs an admin token; one of a business sees its business's. Never shows a token itself."""

    def read(desk: Desk) -> list[Token]:
        return [
            token for token in desk.catalog.tokens() if principal.business_id in (None, token.business_id)
        ]

    tokens = await office.desks.short(read)
    return json_answer({"tokens": [_answer(token) for token in tokens]})


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=IssuedTokenAnswer,
    responses=problems(400, 401, 403, 413),
    summary="Make a token",
)
async def create_token(office: TheOffice, principal: ThePrincipal, body: NewToken) -> Response:
    """Needs an admin token. Without `business_id` it is for the business of the token that makes it:
    for all, when that one has none.
    """
    business_id = _business_of(principal, body)

    def create(desk: Desk) -> IssuedToken:
        try:
            return desk.catalog.create_token(body.name, business_id, body.role)
        except NotFound as exc:
            raise InvalidFields([f"business_id: {exc}"]) from exc

    issued = await office.desks.short(create)
    return json_answer({**_answer(issued), "token": issued.token}, HTTPStatus.CREATED)


@router.delete(
    "/{token_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(401, 403, 404),
    summary="Delete a token",
)
async def delete_token(
    office: TheOffice, principal: ThePrincipal, token_id: Annotated[str, Path(description="Its id.")]
) -> Response:
    """It is refused from now on. Needs an admin token."""

    def delete(desk: Desk) -> None:
        if not principal.reaches(desk.catalog.token(token_id).business_id):
            raise NotFound("there is no such token")  # as if it were not there
        desk.catalog.delete_token(token_id)

    await office.desks.short(delete)
    return empty_answer()


def _business_of(principal: Principal, body: NewToken) -> str | None:
    business_id = body.business_id if "business_id" in body.model_fields_set else principal.business_id
    principal.require_business(business_id)
    return business_id


def _answer(token: Token) -> TokenAnswer:
    return {
        "id": token.id,
        "name": token.name,
        "business_id": token.business_id,
        "role": token.role,  # type: ignore[typeddict-item] # checked when it was made
        "created_at": iso_s(token.created_ms),
    }
