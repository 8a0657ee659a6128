"""Who asks, and what they reach: tokens, roles and businesses. Knows no route.

`read` reads; `write` changes too; `admin` has tokens besides. A token of a business reaches this business
only; one of none reaches all, and as an admin what belongs to the server itself.
"""

from typing import Annotated, Final

import msgspec
from fastapi import Depends, Path, Request
from pydantic import AfterValidator

from pixelwire.catalog.checks import ROLES, check_uuid, is_pixel_id
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.tokens import Token
from pixelwire.errors import Forbidden, NotFound, Unauthorized
from pixelwire.manage.desks import Desk
from pixelwire.manage.office import Office

TOKEN_CHARACTERS_MAX: Final = 512  # longer ones are not ours, and are not looked up


class Principal(msgspec.Struct, frozen=True):
    """The token behind a request."""

    business_id: str | None
    role: str

    def require_role(self, role: str) -> None:
        """Forbidden for a lesser one."""
        if ROLES.index(self.role) < ROLES.index(role):
            raise Forbidden(f"the token's role is {self.role}, this needs {role}")

    def require_business(self, business_id: str | None) -> None:
        """Forbidden for a business (or, with None, the server itself) that the token does not reach."""
        if not self.reaches(business_id):
            raise Forbidden("the token is of another business")

    def reaches(self, business_id: str | None) -> bool:
        """Whether a business (or, with None, the server itself) is this token's."""
        return self.business_id in (None, business_id)

    @property
    def is_operator(self) -> bool:
        """Whether this is an admin of the whole server."""
        return self.role == "admin" and self.business_id is None

    def require_server(self) -> None:
        """Forbidden but for an admin of the whole server."""
        self.require_role("admin")
        if self.business_id is not None:
            raise Forbidden("this needs an admin token without a business")


async def authenticate(office: Office, request: Request) -> Principal:
    """Unauthorized without a token that is known."""
    scheme, _, clear = request.headers.get("authorization", "").partition(" ")
    clear = clear.strip()
    if scheme.lower() != "bearer" or not 0 < len(clear) <= TOKEN_CHARACTERS_MAX:
        raise Unauthorized
    token = await office.desks.short(_look_up, clear)
    if token is None:
        raise Unauthorized("the token is not known")
    return Principal(token.business_id, token.role)


def reachable_pixel(desk: Desk, principal: Principal, pixel_id: str) -> Pixel:
    """A pixel by its id. NotFound for any odd form, and for another business's: a token that may not see
    it does not learn that it is there.
    """
    if not is_pixel_id(pixel_id):
        raise NotFound("there is no such pixel")
    pixel = desk.catalog.pixel(pixel_id)
    if not principal.reaches(pixel.business_id):
        raise NotFound("there is no such pixel")
    return pixel


async def _principal_of(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


ThePrincipal = Annotated[Principal, Depends(_principal_of)]


async def _needs_admin(principal: ThePrincipal) -> None:
    principal.require_role("admin")


async def _needs_server_admin(principal: ThePrincipal) -> None:
    principal.require_server()


async def _reachable_business_id(
    business_id: Annotated[
        str,
        AfterValidator(check_uuid),
        Path(description="A business's id, a UUID.", json_schema_extra={"format": "uuid"}),
    ],
    principal: ThePrincipal,
) -> str:
    principal.require_business(business_id)
    return business_id


needs_admin = Depends(_needs_admin)
needs_server_admin = Depends(_needs_server_admin)
ReachableBusinessId = Annotated[str, Depends(_reachable_business_id)]
PixelId = Annotated[str, Path(description="A pixel's id: 32 lower-case hex digits.")]


def _look_up(desk: Desk, clear: str) -> Token | None:
    return desk.catalog.authenticate(clear)
