"""Options of a kind as data."""

from typing import Annotated, Literal

from msgspec import Meta

from pixelwire.destinations.documented import documented
from pixelwire.destinations.options import OPERATOR_ONLY, Options
from pixelwire.destinations.secret import Secret, SecretUrl


class Sample(Options, frozen=True, kw_only=True):
    address: Annotated[SecretUrl, Meta(description="Where to.")]
    password: Secret | None = None
    keys: dict[str, Secret] = {}  # noqa: RUF012 msgspec copies it
    tokens: list[Secret] = []  # noqa: RUF012 msgspec copies it
    labels: dict[str, str] = {}  # noqa: RUF012 msgspec copies it
    hosts: tuple[str, ...] = ("a", "b")
    method: Literal["b", "a"] = "a"
    tries: Annotated[int, Meta(ge=1, le=9)] = 3
    rate: float = 0.5
    folder: Annotated[str | None, Meta(extra=OPERATOR_ONLY)] = None
    is_on: bool = True
    raw: bytes = b"odd"


def test_every_option_is_told() -> None:
    """Type, choices, default, and who may set it and see it; one of a plug-in's odd type spoils nothing."""
    told = {option.name: option for option in documented(Sample)}
    assert {name: (option.type, option.default) for name, option in told.items()} == {
        "address": ("text", None),
        "password": ("text", None),
        "keys": ("table", {}),
        "tokens": ("list", []),
        "labels": ("table", {}),
        "hosts": ("list", ("a", "b")),
        "method": ("text", "a"),
        "tries": ("integer", 3),
        "rate": ("number", 0.5),
        "folder": ("text", None),
        "is_on": ("boolean", True),
        "raw": ("text", "b2Rk"),
    }
    assert [name for name, option in told.items() if option.secret] == [
        "address",
        "password",
        "keys",
        "tokens",
    ]
    assert [name for name, option in told.items() if option.operator_only] == ["folder"]
    assert [name for name, option in told.items() if option.required] == ["address"]
    assert (told["method"].choices, told["tries"].words, told["raw"].words) == (
        ["a", "b"],
        "whole number, 1 to 9",
        "text",
    )
    assert told["address"].description == "Where to."
