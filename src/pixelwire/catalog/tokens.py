"""Tokens of the management API, kept as hashes only. Knows roles as words, not what they allow.

SHA-256 without salt or stretching is right here: a token has 256 random bits, so there is nothing to guess.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Final
from uuid import uuid4

import msgspec

from pixelwire.catalog.businesses import Businesses
from pixelwire.catalog.checks import ROLES, Checked, check_name, check_token, one_of
from pixelwire.catalog.database import writing
from pixelwire.catalog.statements import load
from pixelwire.errors import Conflict, NotFound

PREFIX: Final = "pw_"  # so that scanners for leaked secrets know one when they see it

_SQL: Final = load("tokens.sql")


class Token(msgspec.Struct, frozen=True):
    id: str
    name: str
    business_id: str | None  # None: every business, and the server itself
    role: str
    created_ms: int


class IssuedToken(Token, frozen=True):
    """A token at the only moment when it is known in clear."""

    token: str

    def __repr__(self) -> str:
        return f"IssuedToken(id={self.id!r}, name={self.name!r}, role={self.role!r})"


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


class Tokens(Businesses):
    def create_token(
        self, name: str, business_id: str | None, role: str, *, token: str | None = None
    ) -> IssuedToken:
        """`token` is for a caller that wrote it down before the row exists (new_token() makes one).

        InvalidFields; NotFound without the business; Conflict when the token exists.
        """
        checked = Checked()
        checked.take("name", check_name, name)
        checked.take("role", one_of(*ROLES), role)
        clear = checked.take("token", check_token, token or new_token())
        checked.finish()
        issued = IssuedToken(str(uuid4()), name, business_id, role, self._clock.now_ms(), clear)
        with writing(self._connection):
            if business_id is not None:
                self.business(business_id)
            if self.authenticate(clear):
                raise Conflict("this token exists already")
            values = (issued.id, name, business_id, role, _digest(clear), issued.created_ms)
            self._run(_SQL["insert"], *values)
        return issued

    def authenticate(self, clear: str) -> Token | None:
        """The token that was presented, or None when it is none of ours."""
        digest = _digest(clear)
        row = self._row(_SQL["of_hash"], digest)
        if row is None or not hmac.compare_digest(row[5], digest):
            return None
        return Token(*row[:5])

    def token(self, token_id: str) -> Token:
        """NotFound when there is none."""
        row = self._row(_SQL["one"], token_id)
        if row is None:
            raise NotFound("there is no such token")
        return Token(*row)

    def tokens(self) -> list[Token]:
        """Oldest first."""
        return [Token(*row) for row in self._rows(_SQL["all"])]

    def delete_token(self, token_id: str) -> None:
        with writing(self._connection):
            if not self._run(_SQL["delete"], token_id):
                raise NotFound("there is no such token")


def _digest(clear: str) -> bytes:
    return sha256(clear.encode("utf-8", "surrogatepass")).digest()
