"""What a file declares, member by member; UNSET is what it does not mention. Values only.

Options hold secrets: they are in no repr.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Place(msgspec.Struct, frozen=True):
    """Where something stands, for people: `shop.toml:12: destination "Hook"`."""

    file: str
    line: int | None  # of the thing's own heading; None where it has none
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.what}"


class DeclaredPixel(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    name: str
    id: str | UnsetType = UNSET
    domain: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    address: str | UnsetType = UNSET
    user_agent: str | UnsetType = UNSET
    gpc: str | UnsetType = UNSET
    event_rules: dict[str, str | None] | UnsetType = UNSET
    write_keys: list[str] | UnsetType = UNSET
    wrong: frozenset[str] = frozenset()  # members that are there and not valid


class DeclaredDestination(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    name: str
    kind: str | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET  # references are replaced by what they lead to
    filters: dict[str, Any] | UnsetType = UNSET
    transforms: list[dict[str, Any]] | UnsetType = UNSET
    pixels: list[str] | UnsetType | None = UNSET  # names or ids; None: all
    enabled: bool | UnsetType = UNSET
    from_start: bool | UnsetType = UNSET
    wrong: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"DeclaredDestination({self.place}, kind={self.kind!r})"


class DeclaredBusiness(msgspec.Struct, frozen=True, kw_only=True):
    place: Place
    name: str
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    pixels: tuple[DeclaredPixel, ...] = ()
    destinations: tuple[DeclaredDestination, ...] = ()
    wrong: frozenset[str] = frozenset()
