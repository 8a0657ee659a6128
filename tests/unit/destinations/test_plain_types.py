"""Types of options in words."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from pixelwire.destinations.options import Options
from pixelwire.destinations.plain_types import plain_type, plain_types
from pixelwire.destinations.secret import Secret, SecretUrl


class Sample(Options, frozen=True, kw_only=True):
    address: SecretUrl
    password: Secret | None = None
    headers: dict[str, Secret] = {}  # noqa: RUF012 msgspec copies it
    labels: dict[str, str] = {}  # noqa: RUF012 msgspec copies it
    hosts: list[str] = []  # noqa: RUF012 msgspec copies it
    only: Literal["a"] = "a"
    method: Literal["b", "a", "c"] = "a"
    tries: Annotated[int, Meta(ge=1, le=1000)] = 3
    rate: Annotated[float, Meta(gt=0)] = 1.0
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    low: Annotated[int, Meta(lt=5)] = 1
    any: int | str = 1


def test_every_type_has_its_words() -> None:
    """Bounds and alternatives are named, None is not, and what is hidden says so."""
    assert plain_types(Sample) == {
        "address": "address, shown without path and query",
        "password": "secret, never shown",
        "headers": "table of secrets, never shown",
        "labels": "table of texts",
        "hosts": "list of texts",
        "only": "`a`",
        "method": "`a`, `b` or `c`",
        "tries": "whole number, 1 to 1,000",
        "rate": "number, above 0",
        "share": "number, above 0, at most 1",
        "low": "whole number, below 5",
        "any": "whole number or text",
    }


def test_a_type_without_words_is_an_error() -> None:
    """Nobody reads a Python type in a page by accident."""
    with pytest.raises(NotImplementedError, match="BytesType"):
        plain_type(msgspec.inspect.type_info(bytes))
